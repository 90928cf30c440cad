"""Hand-offs, riders, courier accounts, and one module per courier in `providers/`."""
