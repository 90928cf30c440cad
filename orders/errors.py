"""Why a command was refused."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _


class Stale(Exception):
    """The order is no longer where the person saw it: says who moved it, and when.

    `card` is the order as it stands now.
    """

    def __init__(self, *, card: dict[str, Any], by: str, at: datetime) -> None:
        super().__init__(_("The order has changed meanwhile."))
        self.card = card
        self.by = by
        self.at = at


class CannotUndo(Exception):
    """The step is too old to be taken back, or others have heard of it already."""

    def __init__(self) -> None:
        super().__init__(_("This step can no longer be undone."))


class NotPossible(Exception):
    """What is asked for cannot be done with this order; `str()` says why, for people."""
