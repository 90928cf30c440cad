"""Lists over tables that grow without end: nothing reads or counts them whole."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from outbox.admin import ReadOnly

MOST_COUNTED = 10_000  # rows; who wants older ones narrows the list
RECENT = 2_000  # messages whose kinds are offered


class ShortPaginator(Paginator):
    """Pages of the newest rows."""

    @cached_property
    def count(self) -> int:
        """The rows, as far as they are counted."""
        rows: Any = self.object_list[:MOST_COUNTED]
        return int(rows.count())


class LongLog(ReadOnly):
    """A log with so many rows that counting them takes longer than anybody waits."""

    paginator = ShortPaginator
    most_counted = MOST_COUNTED
    show_full_result_count = False
    show_facets = ShowFacets.NEVER


class RecentKinds(admin.SimpleListFilter):
    """The kinds of message there are lately; asking for all there ever were reads the whole table."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = model_admin.model.objects.order_by("-pk").values_list("kind", flat=True)[:RECENT]
        return [(kind, kind) for kind in sorted({*newest, *filter(None, [self.value()])})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset
