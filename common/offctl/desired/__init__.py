"""What one host is asked to be: the model, and the TOML bundle it travels in."""
