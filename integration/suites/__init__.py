"""What the product promises, proven on guests of the rig; one file for each promise."""
