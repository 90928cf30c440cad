"""The report page and its CSV files, for the stores a manager may see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from reports import export, queries
from reports.filters import BadFilter, Filters, parse
from reports.page import context, form
from reports.queries import Selection
from stores.models import Store

AnyResponse = TypeVar("AnyResponse", HttpResponse, StreamingHttpResponse)


def managed_stores(request: HttpRequest) -> list[Store]:
    """The stores this person may see reports of. Http404 for who manages none."""
    stores = list(Store.objects.managed_by(request.user).order_by("city", "code"))
    if not stores and not request.user.is_superuser:
        raise Http404
    return stores


@login_required
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """The page; an address with a mistake shows what is wrong with it beside the filters."""
    stores = managed_stores(request)
    try:
        filters = parse(request.GET)
    except BadFilter as mistake:
        page = {**form(Filters(), stores, day=None), "mistake": str(mistake)}
        return render(request, "reports/report.html", page, status=400)
    page = context(filters, stores, sort=request.GET.get("sort", ""), now=timezone.now())
    return render(request, "reports/report.html", page)


@login_required
@require_safe
def orders_csv(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Every order of the period, streamed: the file may be longer than memory is large."""
    try:
        selection = _selection(request)
    except BadFilter as mistake:
        return _refused(mistake)
    heading, words = export.csv_text([export.order_heading()]), export.Words.of(selection.stores)
    texts = _order_texts(selection, heading=heading, words=words)
    content = _one_by_one(texts) if isinstance(request, ASGIRequest) else texts
    return _as_file(StreamingHttpResponse(content), selection, "orders")


@login_required
@require_safe
def summary_csv(request: HttpRequest) -> HttpResponse:
    """The totals table."""
    try:
        selection = _selection(request)
    except BadFilter as mistake:
        return _refused(mistake)
    rows = queries.rows(selection, now=timezone.now())
    text = export.csv_text(export.summary_rows(selection.stores, rows))
    return _as_file(HttpResponse(export.BOM + text), selection, "summary")


def _selection(request: HttpRequest) -> Selection:
    return parse(request.GET).select(managed_stores(request), now=timezone.now())


def _refused(mistake: BadFilter) -> HttpResponse:
    return HttpResponse(f"{mistake}\n", status=400, content_type="text/plain; charset=utf-8")


def _order_texts(selection: Selection, *, heading: str, words: export.Words) -> Iterator[str]:
    """The file in parts; nothing is translated here, for the request's language may be gone by then."""
    yield export.BOM + heading
    for orders in queries.order_chunks(selection):
        yield export.csv_text(export.order_row(order, words) for order in orders)


async def _one_by_one(texts: Iterator[str]) -> AsyncIterator[str]:
    """The same texts, each read in the thread of the request, so that the event loop is free."""
    take = sync_to_async(lambda: next(texts, None))
    while (text := await take()) is not None:
        yield text


def _as_file(response: AnyResponse, selection: Selection, name: str) -> AnyResponse:
    period = selection.period
    response["Content-Type"] = "text/csv; charset=utf-8"
    response["Content-Disposition"] = f'attachment; filename="{name}-{period.first_day}-{period.day}.csv"'
    patch_cache_control(response, no_store=True, private=True)
    return response
