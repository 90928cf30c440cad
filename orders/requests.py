"""What an API request names: the store and the order it may reach, and who sends it.

The one gate of tenancy for every operation; what is not yours raises Http404, as if it were not there.
"""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from orders.models import Order
from stores.access import StoreQuerySet
from stores.actors import Actor
from stores.models import Store


def store_of(request: HttpRequest, store_id: int) -> Store:
    """The store, if the sender may see it."""
    store: Store = get_object_or_404(Store.objects.visible_to(request.user), pk=store_id)
    return store


def order_of(request: HttpRequest, store_id: int, order_id: int) -> Order:
    """The order (its id alone is loaded), if it is one of a store the sender may see."""
    return get_object_or_404(Order.objects.only("id"), pk=order_id, store=store_of(request, store_id))


def managed_stores(request: HttpRequest) -> StoreQuerySet:
    """The stores whose manager the sender is."""
    return Store.objects.managed_by(request.user)


def order_to_move(request: HttpRequest, store: Store, order_id: int) -> Order:
    """The order (its id alone is loaded), if it is one of `store`, or was until this command moved it."""
    known = Q(store=store)
    if command := _command_of(request):
        known |= Q(events__store=store, events__kind="order.moved", events__command=command)
    return get_object_or_404(Order.objects.filter(known).only("id").distinct(), pk=order_id)


def actor_of(request: HttpRequest) -> Actor:
    """The person who sends it."""
    return Actor.person(request.user)  # type: ignore[arg-type]  # the API is closed to anonymous users


def sender_of(request: HttpRequest) -> dict[str, Any]:
    """What every command takes: `actor`, `now`, and `command`, the idempotency key if there is one."""
    return {"actor": actor_of(request), "now": timezone.now(), "command": _command_of(request)}


def _command_of(request: HttpRequest) -> str | None:
    return request.headers.get("Idempotency-Key", "")[:64] or None
