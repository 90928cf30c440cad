"""Measurements of intake and of the way to the browser: `python -m benchmarks`."""
