"""Intake: a small ASGI application, and the committer that makes many orders one transaction."""
