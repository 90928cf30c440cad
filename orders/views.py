"""The pages of the counter: the list of my stores and a store's board."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from orders.channels.registry import CALLS
from orders.store_list import live_rows
from stores.models import Store, User

# Calls that only some platforms have ears for: the board offers no answer nobody would hear.
NOT_HEARD_BY_ALL = frozenset({
    "request.agreed", "request.refused", "urge.answered", "order.self_delivery", "order.delayed",
})  # fmt: skip


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """My stores with their live state; whoever has one store goes straight to its board."""
    stores = list(Store.objects.visible_to(request.user).select_related("intake")[:500])
    if len(stores) == 1:
        return redirect("board", store_id=stores[0].pk)
    return render(request, "orders/home.html", {"rows": live_rows(stores)})


@require_safe
@login_required
@ensure_csrf_cookie
def board(request: HttpRequest, store_id: int) -> HttpResponse:
    """A store's board. The page is a shell; everything on it comes from the feed."""
    store = get_object_or_404(Store.objects.visible_to(request.user), pk=store_id)
    return render(request, "orders/board.html", {"store": store, "boot": _boot(request, store)})


def _boot(request: HttpRequest, store: Store) -> dict[str, Any]:
    """What the board's script must know before the first frame of the feed arrives."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101  # login_required
    return {
        "store": {
            "id": store.pk,
            "code": store.code,
            "name": store.name,
            "city": store.city,
            "timezone": store.timezone,
            "cups_per_hour": store.cups_per_hour,
        },
        "user": {"id": user.pk, "label": user.label},
        "manages": Store.objects.managed_by(user).filter(pk=store.pk).exists(),
        "hears": {channel: sorted(calls.hears & NOT_HEARD_BY_ALL) for channel, calls in CALLS.items()},
        "api": f"/api/v1/stores/{store.pk}",
        "socket": f"/ws/v1/stores/{store.pk}/feed",
        "login": f"{reverse('login')}?next={request.path}",
    }
