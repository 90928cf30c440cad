"""The fictional tea brand of the demo: its data, its logins, and the loader."""
