"""Orders that wait because nobody said which store the platform means: look, choose, route."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import InvalidToken
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from orders.admin.messages import MessageAdmin, may_act
from orders.channels.incoming import Placed
from orders.intake import routing
from orders.intake.candidates import Candidate, candidates
from orders.models import IncomingMessage, Order, UnroutedOrder
from orders.requests import actor_of
from orders.states import WAITING
from stores.models import Store, StoreChannel
from stores.sealed import unseal

SHOWN_FIRST = 10  # candidates; all of a large franchise's stores are a click away


@dataclass(frozen=True, slots=True)
class Choice:
    """A store as a row to choose: what speaks for it, and what stands against it."""

    candidate: Candidate
    waiting: int
    code: str

    @property
    def distance(self) -> str:
        """To the guest."""
        return _distance(self.candidate)

    @property
    def percent(self) -> int | None:
        """How like the names are, to be read."""
        likeness = self.candidate.likeness
        return None if likeness is None else round(100 * likeness)


class UnroutedList(ChangeList):
    """Its rows know what the message says and which store is the likeliest; two queries for a page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        _read_bodies(self.result_list)
        stores = _stores_by_franchise(self.result_list)
        ranked: dict[Any, Candidate | None] = {}
        for row in self.result_list:
            row.placed = placed_of(row)
            key = (row.account.franchise_id, row.placed and _hint(row.placed))
            if row.placed and key not in ranked:
                ranked[key] = next(iter(candidates(stores[row.account.franchise_id], row.placed)), None)
            row.likeliest = ranked.get(key)


def _hint(placed: Placed) -> tuple[Any, ...]:
    return placed.latitude, placed.longitude, placed.store_name


def _read_bodies(rows: list[Any]) -> None:
    """Unseal one by one: a body whose key is lost must not take the others' page away."""
    sealed = IncomingMessage.objects.filter(pk__in=[row.pk for row in rows])
    tokens = dict(sealed.annotate(sealed=Cast("body", TextField())).values_list("pk", "sealed"))
    for row in rows:
        try:
            row.body = unseal(tokens.get(row.pk, ""))
        except InvalidToken:
            row.body = ""


def _stores_by_franchise(rows: list[Any]) -> dict[int, list[Store]]:
    stores = defaultdict(list)
    for store in Store.objects.filter(franchise__in={row.account.franchise_id for row in rows}):
        stores[store.franchise_id].append(store)
    return stores


def placed_of(message: IncomingMessage) -> Placed | None:
    """The order a message places; None if it cannot be read."""
    try:
        content = routing.read(message).content
    except routing.Unreadable:
        return None
    return content if isinstance(content, Placed) else None


@admin.register(UnroutedOrder)
class UnroutedOrderAdmin(MessageAdmin):
    """The button routes; the history is the platform message's, where the row stays."""

    list_display = (
        "came_at", "of_account", "code", "their_name", "external_id", "waits", "nearest",
    )  # fmt: skip
    list_display_links = ("came_at", "external_id")
    list_filter = ("account", "received_at")
    list_per_page = 50
    ordering = ("pk",)
    change_form_template = "admin/orders/unrouted.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(outcome=IncomingMessage.Outcome.UNROUTED)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UnroutedList

    def get_urls(self) -> list[URLPattern]:
        return [self.button("route", self.route), *super().get_urls()]

    @admin.display(description=gettext_lazy("their code"), ordering="store_code")
    def code(self, row: UnroutedOrder) -> str:
        return row.store_code

    @admin.display(description=gettext_lazy("their name for it"))
    def their_name(self, row: Any) -> str:
        return str((row.placed and row.placed.store_name) or "–")

    @admin.display(description=gettext_lazy("waits"), ordering="pk")
    def waits(self, row: Any) -> str:
        return timesince(row.received_at, depth=1)

    @admin.display(description=gettext_lazy("nearest store"))
    def nearest(self, row: Any) -> str:
        return _likeliest(row.likeliest) if row.likeliest else "–"

    def inspected(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        placed = placed_of(row)
        choices = _choices(row, placed) if placed else []
        most = len(choices) if "all" in request.GET else SHOWN_FIRST
        return {
            **super().inspected(request, row),
            "their_name": placed.store_name if placed else "",
            "choices": choices[:most],
            "more": max(0, len(choices) - most),
            "bound": StoreChannel.objects.filter(account=row.account, external_code=row.store_code)
            .select_related("store")
            .first(),
        }

    def route(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The buttons on a waiting order's page."""
        if not may_act(request):
            raise PermissionDenied
        stored = IncomingMessage.objects.select_related("account").defer("body")
        message = get_object_or_404(stored, pk=pk)
        stores = Store.objects.filter(franchise=message.account.franchise_id)
        chosen = request.POST.get("store", "")
        store = get_object_or_404(stores, pk=int(chosen) if chosen.isdecimal() else 0)
        if "bind" in request.POST:
            self._bind(request, message, store)
        else:
            self._route(request, message, store)
        return redirect(reverse("admin:orders_unroutedorder_changelist"))

    def _bind(self, request: HttpRequest, message: IncomingMessage, store: Store) -> None:
        facts = {"code": message.store_code, "store": store}
        try:
            routed = routing.bind(
                account=message.account, store_code=message.store_code, store=store, **_by(request)
            )
        except routing.CannotBind:
            text = _("“%(code)s” and %(store)s cannot be bound: one of them is bound otherwise.")
            self.message_user(request, text % facts, messages.ERROR)
            return
        said = _("Bound “%(code)s” to %(store)s.") % facts
        self.log_change(request, message, said)
        channel = StoreChannel.objects.get(account=message.account, external_code=message.store_code)
        self.log_change(request, channel, said)
        text = ngettext(
            "“%(code)s” means %(store)s from now on; %(count)d order that waited is routed.",
            "“%(code)s” means %(store)s from now on; %(count)d orders that waited are routed.",
            routed,
        )
        self.message_user(request, text % {**facts, "count": routed}, messages.SUCCESS)

    def _route(self, request: HttpRequest, message: IncomingMessage, store: Store) -> None:
        try:
            order = routing.route(message_id=message.pk, store=store, **_by(request))
        except routing.Unreadable as unreadable:
            text = _("It cannot be read: %(reason)s") % {"reason": unreadable}
            self.message_user(request, text, messages.ERROR)
            return
        if order is None:
            text = _("Somebody else was faster: this order does not wait any more.")
            self.message_user(request, text, messages.WARNING)
            return
        self.log_change(request, message, _("Routed to %(store)s.") % {"store": store})
        self.message_user(request, _told(order), messages.SUCCESS)


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": actor_of(request), "now": timezone.now()}


def _told(order: Order) -> str:
    address = reverse("admin:orders_order_change", args=[order.pk])
    text = _("Order {number} is at {store} now.")
    return format_html(text, number=format_html('<a href="{}">{}</a>', address, order), store=order.store)


def _likeliest(candidate: Candidate) -> str:
    if distance := _distance(candidate):
        return f"{candidate.store} · {distance}"
    return str(candidate.store) if candidate.likeness else "–"


def _distance(candidate: Candidate) -> str:
    if candidate.kilometres is None:
        return ""
    return f"{number_format(candidate.kilometres, 1)}\N{NO-BREAK SPACE}km"


def _choices(message: IncomingMessage, placed: Placed) -> list[Choice]:
    """The franchise's stores, the likeliest first: how busy they are, and their codes at this account."""
    stores = Store.objects.filter(franchise=message.account.franchise_id).select_related("intake")
    waiting = Order.objects.filter(store__in=stores, on_board=True, state__in=WAITING)
    counts = dict(waiting.order_by().values_list("store").annotate(Count("pk")))
    channels = StoreChannel.objects.filter(account=message.account)
    codes = dict(channels.values_list("store", "external_code"))
    return [
        Choice(one, counts.get(one.store.pk, 0), codes.get(one.store.pk, ""))
        for one in candidates(stores, placed)
    ]
