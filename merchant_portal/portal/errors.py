"""What a person can put right: shown as one line, without a stack trace."""


class CannotStart(Exception):
    """The portal cannot start; the text says why and what to do."""
