"""The channel page and its CSV file, for the accounts a manager may see."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from reports import export
from reports.channels import page
from reports.channels.filters import Filters, parse, zone_of
from reports.filters import BadFilter
from stores.models import ChannelAccount, Store


@dataclass(frozen=True, slots=True)
class Scope:
    """What a person may see here, and the clock it is shown by."""

    accounts: list[ChannelAccount]
    zone: ZoneInfo


def _scope(request: HttpRequest) -> Scope:
    """The accounts of the franchises whose stores the person manages. Http404 for who manages none."""
    stores = list(Store.objects.managed_by(request.user).only("franchise", "timezone"))
    if not stores and not request.user.is_superuser:
        raise Http404
    accounts = ChannelAccount.objects.select_related("franchise").order_by("franchise__name", "slug")
    if not request.user.is_superuser:
        accounts = accounts.filter(franchise__in={store.franchise_id for store in stores})
    return Scope(list(accounts.defer("secrets")), zone_of(stores))


@login_required
@require_safe
def channels(request: HttpRequest) -> HttpResponse:
    """The page; an address with a mistake shows what is wrong with it beside the filters."""
    scope = _scope(request)
    try:
        filters = parse(request.GET)
    except BadFilter as mistake:
        shown = {**page.form(Filters(), scope.accounts), "mistake": str(mistake)}
        return render(request, "reports/channels/page.html", shown, status=400)
    shown = page.context(filters, scope.accounts, zone=scope.zone, now=timezone.now())
    return render(request, "reports/channels/page.html", shown)


@login_required
@require_safe
def channels_csv(request: HttpRequest) -> HttpResponse:
    """The accounts of the page as a table."""
    scope, now = _scope(request), timezone.now()
    try:
        filters = parse(request.GET)
    except BadFilter as mistake:
        return HttpResponse(f"{mistake}\n", status=400, content_type="text/plain; charset=utf-8")
    chosen, since = filters.select(scope.accounts), filters.since(scope.zone, now)
    lines = page.lines_of(chosen, since=since, now=now)
    text = export.BOM + export.csv_text(page.csv_rows(lines, zone=scope.zone))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    day = now.astimezone(scope.zone).date()
    response["Content-Disposition"] = f'attachment; filename="channels-{filters.period}-{day}.csv"'
    patch_cache_control(response, no_store=True, private=True)
    return response
