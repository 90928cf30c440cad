"""Why a hand-off was refused."""

from datetime import datetime

from django.utils.translation import gettext as _

from orders.cards import Card
from orders.errors import Stale


class TooManyRaces(Exception):
    """Prices were asked for too often; `wait` is the seconds until they may be asked for again."""

    def __init__(self, wait: int) -> None:
        words = _(
            "No prices for %(wait)s s: they were asked for too often. Everybody can be asked all the same."
        )
        super().__init__(words % {"wait": wait})
        self.wait = wait


class LiveHandOff(Stale):
    """Somebody handed the order off already: says who and when. `card` is the order as it stands."""

    def __init__(self, *, card: Card, by: str, at: datetime) -> None:
        super().__init__(card=card, by=by, at=at)
        self.args = (_("The order has been handed off already."),)
