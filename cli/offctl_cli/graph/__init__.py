"""The diagram of a site, from its text to a drawing's text. Pure: no file, no host, no program."""
