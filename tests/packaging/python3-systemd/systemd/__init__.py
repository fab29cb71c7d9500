"""A stand-in for python3-systemd, for tests on machines without it; put its parent on the path."""
