"""What operators, coordinator and agents must agree on."""

__version__ = "0.1.0"
