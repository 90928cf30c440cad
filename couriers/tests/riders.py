"""A rider on a shift, their phone, and photos, for the tests of riders."""

from datetime import datetime, timedelta
from typing import Any

import time_machine
from django.test import Client

from couriers.models import HandOff, Rider, Shift
from couriers.riders.links import token_of
from couriers.riders.shifts import start_shift
from couriers.services import hand_to_rider
from couriers.tests.factories import MEI, NOW, after, make_order, make_rider, make_store
from couriers.tests.work import boards_follow
from orders.models import Order
from stores.models import Store

# A JPEG of 2 × 1 pixels: start, EXIF, a comment, a frame, and a scan that no decoder need understand.
EXIF = b"\xff\xe1\x00\x10Exif\x00\x00GPS 31.2"
COMMENT = b"\xff\xfe\x00\x08iPhone"
FRAME = b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x02\x01\x01\x11\x00"
PICTURE = FRAME + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x11\x22\xff\xd9"
PLAIN_PHOTO = b"\xff\xd8" + PICTURE
PHOTO = b"\xff\xd8" + EXIF + COMMENT + PICTURE


def on_shift(store: Store | None = None, name: str = "Old Wang", at: datetime = NOW) -> Shift:
    """A rider who has just begun."""
    return start_shift(rider=make_rider(store or make_store(), name), actor=MEI, now=at)


def carried_by(shift: Shift, **values: Any) -> HandOff:
    """An order that Mei just gave to the shift's rider."""
    order = make_order(shift.rider.store, **values)
    return handed(order, shift.rider)


def handed(order: Order, rider: Rider) -> HandOff:
    hand_to_rider(order_id=order.pk, rider=rider, actor=MEI, now=NOW)
    return HandOff.objects.select_related("order").get(order=order)


class Phone:
    """A rider's phone: it knows its link and nothing else. `at` is the server's time of what it does."""

    def __init__(self, shift: Shift) -> None:
        self.base = f"/r/{token_of(shift)}/"
        self.client = Client(enforce_csrf_checks=True)
        self.keys = 0

    def get(self, path: str = "", *, at: datetime = NOW) -> Any:
        with time_machine.travel(at, tick=False):
            return self.client.get(self.base + path)

    def stops(self, *, at: datetime = NOW) -> Any:
        """What the page would show."""
        return self.get("stops", at=at).json()

    def tap(
        self,
        verb: str,
        handoff: HandOff,
        *,
        at: datetime = NOW,
        key: str | None = None,
        ago: timedelta = timedelta(0),
        form: dict[str, Any] | None = None,
    ) -> Any:
        """One action; the boards of the store follow it."""
        self.keys += 1
        headers = {
            "Idempotency-Key": key or f"k{self.keys}",
            "X-Tapped": str(ago // timedelta(milliseconds=1)),
        }
        path = f"{self.base}handoffs/{handoff.pk}/{verb}"
        with boards_follow(at), time_machine.travel(at, tick=False):
            return self.client.post(path, form or {}, headers=headers)


__all__ = [
    "COMMENT", "EXIF", "PHOTO", "PLAIN_PHOTO", "Phone", "after", "carried_by", "handed", "on_shift",
]  # fmt: skip
