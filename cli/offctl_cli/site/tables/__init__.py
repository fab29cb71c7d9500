"""The tables an operator can write, each declared once: type, range, sentence, example."""
