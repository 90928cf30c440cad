"""The platforms: one package each, one line each in `registry.py`."""
