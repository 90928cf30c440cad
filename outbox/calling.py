"""What may come of a call to somebody outside; whoever calls must know which of the three it was."""


class CallFailed(Exception):
    """A call did not do what it was for; `str()` is for people."""


class Refused(CallFailed):
    """They said no: nothing was created or changed. `code` is their own."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Unreachable(CallFailed):
    """Surely not carried out: no connection, or turned away at the door. Safe to send again.

    `wait` is the number of seconds they asked for, 0 if they did not.
    """

    def __init__(self, message: str, wait: float = 0) -> None:
        super().__init__(message)
        self.wait = wait


class Uncertain(CallFailed):
    """May or may not have been carried out: time-out after sending, 5xx, an unreadable reply."""
