"""What a host's own text says of itself at its head, and whoever reads it has to heed."""

# Nobody may go on with such a text: what is missing from it may be there all the same.
NOT_WHOLE = "NOT WHOLE: not everything could be read. Mend that, and ask again."
