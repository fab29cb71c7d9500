"""The doors to a host: what it looks like from outside, and how each thing is read or done."""
