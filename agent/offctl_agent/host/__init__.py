"""The doors to a host: what it looks like from outside, and how each thing on it is read or done."""
