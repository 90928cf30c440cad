"""Channel accounts: secrets and tokens that can be written but not read, addresses to register, checks."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.admin.inspection import push_address
from orders.channels.registry import PUSHES
from orders.models import Conflict, IncomingMessage, Reconciliation, RefusedMessage, UnroutedOrder
from stores.admin import HTTPS, WriteOnlyForm
from stores.channels import Channel
from stores.models import ChannelAccount, ChannelToken

NEEDS_TOKEN = frozenset({Channel.ELEME})
SOON = timedelta(days=1)
LOGS = (IncomingMessage, UnroutedOrder, RefusedMessage, Conflict, Reconciliation)


class ChannelAccountForm(WriteOnlyForm):
    sealed = ("secrets",)


class ChannelTokenForm(WriteOnlyForm):
    sealed = ("access", "refresh")


# One field with a name; Django's own pair of a date and a time has none that can be heard.
MOMENT = forms.DateTimeInput(
    format="%Y-%m-%dT%H:%M:%S", attrs={"type": "datetime-local", "step": 1, "class": "vTextField"}
)
MOMENTS: "dict[type[models.Field[Any, Any]], dict[str, Any]]" = {
    models.DateTimeField: {"form_class": forms.DateTimeField, "widget": MOMENT}
}


class ChannelTokenInline(admin.StackedInline):
    model = ChannelToken
    form = ChannelTokenForm
    formfield_overrides = MOMENTS
    fields = ("access", "refresh", "expires_at")
    extra = 0


@admin.register(ChannelAccount)
class ChannelAccountAdmin(admin.ModelAdmin):
    form = ChannelAccountForm
    formfield_overrides = HTTPS
    list_display = ("slug", "channel", "franchise", "active", "callback_url")
    list_filter = ("channel", "active", "franchise")
    list_select_related = ("franchise",)
    search_fields = ("slug", "franchise__name")
    autocomplete_fields = ("franchise",)
    readonly_fields = ("addresses", "checks", "logs")
    inlines = (ChannelTokenInline,)
    fieldsets = (
        (None, {"fields": ("checks", "franchise", "channel", "slug", "active")}),
        (gettext_lazy("They push to us"), {"fields": ("app_id", "secrets", "addresses", "logs")}),
        (gettext_lazy("We call them"), {"fields": ("callback_url", "app_key")}),
    )

    @admin.display(description=gettext_lazy("to register at the platform"))
    def addresses(self, account: ChannelAccount) -> str:
        return format_html_join(
            "", '<code class="address">{}</code>', ((url,) for url in intake_urls(account))
        )

    @admin.display(description=gettext_lazy("checks"))
    def checks(self, account: ChannelAccount) -> str:
        if account._state.adding:
            return _("Save it first: then what is missing stands here, and what to register.")
        faults = [(fault,) for fault in faults_of(account, now=timezone.now())]
        return format_html_join("", '<p class="fault">{}</p>', faults) or _("Nothing is missing.")

    @admin.display(description=gettext_lazy("of this account"))
    def logs(self, account: ChannelAccount) -> str:
        query = urlencode({"account__id__exact": account.pk or 0})
        links = [
            (reverse(f"admin:orders_{model._meta.model_name}_changelist"), query, _name(model))
            for model in LOGS
        ]
        return format_html(
            '<span class="links">{}</span>', format_html_join(" ", '<a href="{}?{}">{}</a>', links)
        )


def _name(model: Any) -> str:
    return str(capfirst(model._meta.verbose_name_plural))


@admin.register(ChannelToken)
class ChannelTokenAdmin(admin.ModelAdmin):
    form = ChannelTokenForm
    formfield_overrides = MOMENTS
    list_display = ("account", "expires_at")
    list_select_related = ("account",)
    fields = ("account", "access", "refresh", "expires_at")
    autocomplete_fields = ("account",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("account")

    def get_readonly_fields(self, request: HttpRequest, obj: ChannelToken | None = None) -> tuple[str, ...]:
        return ("account",) if obj else ()


def intake_urls(account: ChannelAccount) -> list[str]:
    """Where the platform has to push to: one address, or one per kind of message."""
    if account.channel not in PUSHES or not account.slug:
        return []
    kinds = sorted(PUSHES[account.channel].KINDS) or [""]
    return [push_address(account, kind) for kind in kinds]


def faults_of(account: ChannelAccount, *, now: datetime) -> Iterator[str]:
    """What is missing before orders come in and the platform hears of them; of a new account, nothing yet."""
    if account._state.adding:
        return
    if not account.active:
        yield _("Not active: whatever the platform pushes is refused.")
    if not account.store_channels.exists():
        yield _("No store is bound to it: its orders wait under “Unrouted orders”.")
    if not account.callback_url:
        yield _(
            "No platform address: the platform hears nothing from us, and what it lost cannot be asked for."
        )
    if account.channel in NEEDS_TOKEN:
        yield from _faults_of_token(ChannelToken.objects.filter(account=account).first(), now=now)


def _faults_of_token(token: ChannelToken | None, *, now: datetime) -> Iterator[str]:
    if token is None or not token.access:
        yield _("No token: the platform refuses our calls.")
        return
    moment = {"moment": date_format(token.expires_at, "DATETIME_FORMAT")}
    if token.expires_at <= now:
        yield _("The token ran out: %(moment)s") % moment
    elif token.expires_at <= now + SOON:
        yield _("The token runs out soon: %(moment)s") % moment
    if not token.refresh:
        yield _("No refresh token: the token cannot be renewed without a person.")
