"""Malformed pushes by the thousand: what a broken or hostile sender could send."""
