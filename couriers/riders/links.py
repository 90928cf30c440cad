"""The link to a rider's page: a signed word for a shift's key, and its QR code.

Whoever has the link is the rider; there is no login. It ends with the shift, and a new key for the shift
makes every earlier link worthless.
"""

from __future__ import annotations

from datetime import datetime

import segno
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from couriers.models import Shift
from couriers.riders.errors import LinkOver

SALT = "couriers.riders.link"
TOKEN_LENGTH = 150


class NoLink(Exception):
    """We never made this link."""


def token_of(shift: Shift) -> str:
    """What stands for the shift in the address of the rider's page."""
    return _signer().sign(shift.key)


def link_of(shift: Shift) -> str:
    """The whole address of the rider's page."""
    return str(settings.PUBLIC_URL).rstrip("/") + reverse("rider-page", args=[token_of(shift)])


def shift_of(token: str, *, now: datetime) -> Shift:
    """The open shift behind a link, its rider and store loaded. Raises NoLink, LinkOver."""
    try:
        key = _signer().unsign(token[:TOKEN_LENGTH])
    except BadSignature as error:
        raise NoLink from error
    open_now = Shift.objects.filter(key=key, ended_at=None, ends_at__gt=now, rider__active=True)
    shift = open_now.select_related("rider__store").first()
    if shift is None:
        raise LinkOver
    return shift


def qr_of(link: str) -> str:
    """The link as an SVG element that needs no style of its own; dark on light in every theme."""
    code = segno.make(link, error="m", micro=False)
    return code.svg_inline(scale=1, border=4, dark="#000", light="#fff", svgclass="qr", omitsize=True)


def _signer() -> Signer:
    return Signer(salt=SALT, sep=".")
