"""What is believed, and why: keys, envelopes, the trust root, releases and timestamps.

The whole room is pure: bytes, keys and the clock come in, values or one typed error go out. It
does no I/O, logs nothing and draws no randomness of its own but for new keys.
"""
