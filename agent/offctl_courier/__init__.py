"""The network process of a host: carries bytes, has no authority."""
