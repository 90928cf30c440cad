"""The message inspector: what platforms sent, what proves it, what it says, what it caused, and Replay.

A body holds people's data: only a superuser may open one, and that is written down. What everybody else here
reads is the parsed view, in which telephone numbers are masked.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from orders.admin.inspection import caused, contradicted, difference, opened, parsed_view, proven
from orders.admin.lists import LongLog, RecentKinds
from orders.admin.words import ADVICE, OTHER_ADVICE
from orders.intake.routing import Replayed, Unreadable, replay
from orders.models import Conflict, IncomingMessage, Order, RefusedMessage
from orders.requests import actor_of
from stores.models import ChannelAccount


class Sealed(LongLog):
    """Rows with a sealed body. Lists do not even fetch it."""

    exclude = ("body",)
    list_select_related = ("account",)
    keeper: type[IncomingMessage] | type[Conflict] | type[RefusedMessage]
    """The model whose history says who opened a body."""
    clock = "received_at"
    sortable_by = ("came_at",)  # whatever else would sort the whole table

    @admin.display(description=gettext_lazy("received at"), ordering="pk")
    def came_at(self, row: Any) -> str:
        """To the second: that is how messages are compared with what platforms show."""
        return f"{getattr(row, self.clock):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=gettext_lazy("account"))
    def of_account(self, row: Any) -> str:
        return str(row.account.slug)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("account").defer("body")

    def get_urls(self) -> list[URLPattern]:
        return [self.button("raw", self.raw), *super().get_urls()]

    def button(self, name: str, view: Callable[..., HttpResponse]) -> URLPattern:
        """The address of something that is done to a row."""
        full_name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(f"<int:pk>/{name}/", self.admin_site.admin_view(require_POST(view)), name=full_name)

    def raw(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The body as it came. Whoever opens it stands in the row's history."""
        if not request.user.is_superuser:
            raise PermissionDenied
        rows = self.keeper.objects.select_related("account").defer("body")
        row: Any = get_object_or_404(rows, pk=pk)
        self.log_change(request, row, _("Opened the raw message."))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Raw message"),
            "subtitle": str(row),
            "opts": self.opts,
            "original": row,
            "body": opened(row),
        }
        return TemplateResponse(request, "admin/orders/raw.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        found = self.inspected(request, row) if row and self.has_view_permission(request, row) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **found})

    def inspected(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the page shows beside the row's own fields."""
        return {}


class MessageAdmin(Sealed):
    """Whoever may change messages may have them done again."""

    keeper = IncomingMessage

    search_help_text = gettext_lazy("Exact delivery id or order number")
    search_fields = ("delivery_id",)
    fields = (
        ("account", "kind"),
        ("external_id", "store_code"),
        ("received_at", "source", "outcome"),
        "delivery_id",
        "body_hash",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Delivery ids are looked up by their index, which begins with the account."""
        if not (term := search_term.strip()):
            return queryset, False
        accounts = list(ChannelAccount.objects.values_list("pk", flat=True))
        known = queryset.filter(account__in=accounts, delivery_id=term)
        return (known if known.exists() else queryset.filter(external_id=term)), False

    def inspected(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        view, problem = parsed_view(row)
        return {
            "proven": proven(row),
            "parsed": view,
            "problem": problem,
            "caused": caused(row),
            "may_act": may_act(request),
        }


@admin.register(IncomingMessage)
class IncomingMessageAdmin(MessageAdmin):
    list_display = ("came_at", "of_account", "kind", "external_id", "outcome", "source")
    list_display_links = ("came_at", "external_id")
    list_filter = ("account", RecentKinds, "outcome", "source", "received_at")
    change_form_template = "admin/orders/message.html"

    def get_urls(self) -> list[URLPattern]:
        return [self.button("replay", self.replay), *super().get_urls()]

    def replay(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on a message's page."""
        if not may_act(request):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        try:
            done = replay(message_id=pk, actor=actor_of(request), now=timezone.now())
        except Unreadable as unreadable:
            text = _("It cannot be read: %(reason)s") % {"reason": unreadable}
            self.message_user(request, text, messages.ERROR)
        else:
            text = replayed(done)
            self.log_change(request, row, _("Replayed. %(result)s") % {"result": text})
            self.message_user(request, text, messages.SUCCESS)
        return redirect(reverse("admin:orders_incomingmessage_change", args=[pk]))


def may_act(request: HttpRequest) -> bool:
    """Whether the person may route and replay: a view permission alone is to look."""
    return request.user.has_perm("orders.change_incomingmessage")


def replayed(done: Replayed) -> str:
    """What doing a message again led to, in a sentence."""
    match done.outcome:
        case IncomingMessage.Outcome.UNKNOWN:
            return _("It is still of a kind that is not understood.")
        case IncomingMessage.Outcome.EARLY:
            return _("Its order is not here yet: it waits.")
        case IncomingMessage.Outcome.UNROUTED:
            return _("No store is bound to its code: it waits under “Unrouted orders”.")
    if done.placed and done.order is not None:
        return _("The order is new at %(store)s.") % {"store": done.order.store}
    if not done.changes and not done.events:
        return _("Nothing changed: all of it was done before.")
    parts = [*done.events, *(_change(name, *pair) for name, pair in sorted(done.changes.items()))]
    return _("Changed: %(changes)s.") % {"changes": "; ".join(parts)}


def _change(name: str, before: Any, after: Any) -> str:
    """A column that differs; of documents, whose content may be long, only that they do."""
    label = capfirst(str(label_for_field(name, Order)))
    if isinstance(before, dict) or isinstance(after, dict):
        return str(label)
    return f"{label}: {_shown(before)} → {_shown(after)}"


def _shown(value: Any) -> str:
    return "–" if value is None or value == "" else str(value)


@admin.register(Conflict)
class ConflictAdmin(Sealed):
    keeper = Conflict
    list_display = ("came_at", "of_account", "external_id", "delivery_id")
    list_display_links = ("came_at", "delivery_id")
    list_filter = ("account", "received_at")
    search_fields = ("delivery_id__exact", "external_id__exact")
    search_help_text = gettext_lazy("Exact delivery id or order number")
    fields = (("account", "external_id"), "received_at", "delivery_id", "body_hash")
    change_form_template = "admin/orders/conflict.html"

    def inspected(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        stored = contradicted(row)
        if stored is None:
            return {"stored": None}
        lines, problem = difference(stored, row)
        return {"stored": stored, "lines": lines, "problem": problem}


@admin.register(RefusedMessage)
class RefusedMessageAdmin(Sealed):
    keeper = RefusedMessage
    list_display = ("came_at", "of_account", "status", "reason")
    list_display_links = ("came_at", "reason")
    clock = "at"
    list_filter = ("account", "status", "at")
    fields = (("account", "at"), "status", "reason", "shown_head", "advice")
    readonly_fields = ("shown_head", "advice")
    change_form_template = "admin/orders/refused.html"

    @admin.display(description=gettext_lazy("request"))
    def shown_head(self, row: RefusedMessage) -> str:
        return row.head

    @admin.display(description=gettext_lazy("what to check"))
    def advice(self, row: RefusedMessage) -> str:
        return str(ADVICE.get(row.status, OTHER_ADVICE))
