"""Why a hand-off was refused."""

from datetime import datetime

from django.utils.translation import gettext as _

from orders.cards import Card
from orders.errors import Stale


class LiveHandOff(Stale):
    """Somebody handed the order off already: says who and when. `card` is the order as it stands."""

    def __init__(self, *, card: Card, by: str, at: datetime) -> None:
        super().__init__(card=card, by=by, at=at)
        self.args = (_("The order has been handed off already."),)
