"""Tests that run inside a guest, on its kernel and its pools; the suites put them there."""
