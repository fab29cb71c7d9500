"""The texts of several hosts that were taken over, folded into one site. Pure.

Nothing is believed to be folded right: what comes out is compiled, and must ask of every host
what its own text asks.
"""
