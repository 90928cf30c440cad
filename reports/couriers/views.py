"""The courier page and its CSV file, for the stores and courier accounts a manager may see."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from couriers.models import CourierAccount
from reports import export
from reports.couriers import page, queries
from reports.couriers.export import csv_rows
from reports.couriers.filters import Filters, parse
from reports.filters import BadFilter
from reports.views import managed_stores
from stores.models import Store

TEMPLATE = "reports/couriers/page.html"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a person may see here."""

    stores: list[Store]
    accounts: list[CourierAccount]


def _scope(request: HttpRequest) -> Scope:
    """The stores the person manages, and the accounts of their franchises. Http404 for who manages none."""
    stores = managed_stores(request)
    accounts = CourierAccount.objects.order_by("label", "pk").defer("credentials")
    if not request.user.is_superuser:
        accounts = accounts.filter(franchise__in={store.franchise_id for store in stores})
    return Scope(stores, list(accounts))


@login_required
@require_safe
def couriers(request: HttpRequest) -> HttpResponse:
    """The page; an address with a mistake shows what is wrong with it beside the filters."""
    scope, sort = _scope(request), request.GET.get("sort", "")
    try:
        filters = parse(request.GET)
    except BadFilter as mistake:
        shown = {**page.form(Filters(), scope.stores, scope.accounts, day=None), "mistake": str(mistake)}
        return render(request, TEMPLATE, shown, status=400)
    shown = page.context(filters, scope.stores, scope.accounts, sort=sort, now=timezone.now())
    return render(request, TEMPLATE, shown)


@login_required
@require_safe
def couriers_csv(request: HttpRequest) -> HttpResponse:
    """Every carrier in every store, with all figures of the page."""
    scope, now = _scope(request), timezone.now()
    try:
        chosen = parse(request.GET).choose(scope.stores, scope.accounts, now=now)
    except BadFilter as mistake:
        return HttpResponse(f"{mistake}\n", status=400, content_type="text/plain; charset=utf-8")
    text = export.BOM + export.csv_text(csv_rows(chosen, queries.figures(chosen)))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    period = chosen.selection.period
    name = f"couriers-{period.first_day}-{period.day}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    patch_cache_control(response, no_store=True, private=True)
    return response
