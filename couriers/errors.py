"""Why a hand-off was refused."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _


class NotPossible(Exception):
    """The order or the hand-off does not allow it; `str()` says why, for people."""


class LiveHandOff(Exception):
    """Somebody handed the order off already: says who and when. `card` is the order as it stands."""

    def __init__(self, *, card: dict[str, Any], by: str, at: datetime) -> None:
        super().__init__(_("The order has been handed off already."))
        self.card = card
        self.by = by
        self.at = at
