"""The site language: what operators write, read with line numbers and compiled for every host."""
