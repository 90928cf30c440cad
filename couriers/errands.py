"""From a hand-off's rows to what a courier's module takes."""

import json

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_noop

from couriers.bags import contents
from couriers.models import CourierAccount, CourierStore, HandOff
from couriers.providers import PROVIDERS
from couriers.providers.base import Access, Errand, Key, Place, Provider
from orders.models import Order
from outbox.calling import Refused
from stores.models import Store


def account_of(handoff: HandOff) -> CourierAccount:
    """The courier account of a hand-off. Raises ValueError for an own rider's."""
    if handoff.account is None:
        raise ValueError(f"hand-off {handoff.pk} is an own rider's")
    return handoff.account


def provider_of(handoff: HandOff) -> Provider:
    """The module that speaks with this hand-off's courier."""
    return PROVIDERS[account_of(handoff).provider]


def key_of(handoff: HandOff) -> Key:
    """How the errand is named towards its courier."""
    return Key(handoff.origin_id, handoff.provider_ref)


def access_of(account: CourierAccount) -> Access:
    """Where and with what credentials. Raises Refused when they cannot be read."""
    try:
        return Access(base_url=account.base_url, credentials=json.loads(account.credentials))
    except ValueError as error:
        raise Refused(gettext_noop("The courier's credentials cannot be read.")) from error


def errand_of(handoff: HandOff, *, shop_no: str | None = None) -> Errand:
    """What the courier shall carry. Raises Refused when something it needs is missing."""
    order = handoff.order
    packed = contents(order, handoff.bag, handoff.bags)
    return Errand(
        origin_id=handoff.origin_id,
        shop_no=shop_no or _shop_no(handoff),
        number=order.daily_number,
        pickup=_pickup(handoff.store),
        receiver=_receiver(order, handoff.store.city),
        pickup_code=handoff.pickup_code,
        value=packed.value,
        currency=order.currency,
        cups=packed.cups,
        items=packed.items,
        note=order.note,
        source=order.account.channel,
        source_number=order.external_id,
        ready_at=order.expected_at,
        deliver_by=order.promised_at,
        bag=handoff.bag,
        bags=handoff.bags,
        callback_url=callback_url(handoff),
    )


def callback_url(handoff: HandOff) -> str:
    """Where the courier tells of this hand-off."""
    path: str = reverse("courier-callback", args=[account_of(handoff).provider, handoff.callback_token])
    return f"{settings.PUBLIC_URL.rstrip('/')}{path}"


def _shop_no(handoff: HandOff) -> str:
    shops = CourierStore.objects.filter(account=handoff.account_id, store=handoff.store_id)
    if (known := shops.values_list("shop_no", flat=True).first()) is None:
        raise Refused(gettext_noop("The courier does not know the store."))
    return known


def _pickup(store: Store) -> Place:
    return Place(
        name=store.name,
        phone=store.phone,
        address=store.address,
        city=store.city,
        latitude=store.latitude,
        longitude=store.longitude,
    )


def _receiver(order: Order, city: str) -> Place:
    if order.latitude is None or order.longitude is None:
        raise Refused(gettext_noop("The order has no position to deliver to."))
    if not order.customer_phone or not order.address:
        raise Refused(gettext_noop("The order has no phone number or no address."))
    return Place(
        name=order.customer_name or "-",
        phone=order.customer_phone,
        address=order.address,
        city=city,
        latitude=order.latitude,
        longitude=order.longitude,
    )
