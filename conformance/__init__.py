"""Testing a verifier of signed releases from outside; see README.md beside this file."""
