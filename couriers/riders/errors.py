"""Why a shift or a rider's link was refused; `str()` says it to people."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


class LinkOver(Exception):
    """The link was good once: its shift has ended, or somebody made a new link."""

    def __init__(self) -> None:
        super().__init__(_("This link is no longer valid. Ask at the counter for a new one and scan it."))


class ShiftRefused(Exception):
    """The shift cannot be started or ended as it stands."""


class StillCarrying(ShiftRefused):
    """The rider has orders in hand: somebody must say what becomes of them."""

    def __init__(self, *, rider: str, live: int) -> None:
        words = ngettext(
            "%(rider)s still has %(count)s order: let it be delivered first, or put it on the shelf.",
            "%(rider)s still has %(count)s orders: let them be delivered first, or put them on the shelf.",
            live,
        )
        super().__init__(words % {"rider": rider, "count": live})
        self.live = live
