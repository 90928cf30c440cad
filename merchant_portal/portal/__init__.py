"""The supervisor behind `manage.py portal`: every process of a one-machine installation."""
