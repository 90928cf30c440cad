"""What a handler says when a job could not be done now, or never."""


class Later(Exception):
    """Run the job again in `seconds`; counts as an attempt but is no fault of ours."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


class NotYet(Later):
    """Nothing was begun, only others are being served: run it again in `seconds`; this was no attempt."""


class LaneShut(NotYet):
    """Nor can any other of its lane have its turn: for these `seconds` this process tries none."""


class Hopeless(Exception):
    """Running the job again cannot help: a dead letter that waits for a person."""
