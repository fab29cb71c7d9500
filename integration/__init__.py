"""Proof on real kernels: the rig that runs virtual hosts, and the suites that run on it."""
