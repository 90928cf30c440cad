"""The courier page's chart: hand-offs per hour or day, and the same as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from reports.couriers.measures import Bar, daily
from reports.page import HOURLY_UP_TO, hour_labels


def chart(bars: Sequence[Bar], *, days: int) -> dict[str, Any]:
    """What the template shows of it, and what the browser draws."""
    by_hour = days <= HOURLY_UP_TO
    shown = list(bars) if by_hour else daily(bars)
    labels = (
        hour_labels([bar.at for bar in shown])
        if by_hour
        else [date_format(bar.at, "MONTH_DAY_FORMAT") for bar in shown]
    )
    names = {"delivered": _("Delivered"), "under_way": _("Under way"), "ended": _("Came to nothing")}
    return {
        "by_hour": by_hour,
        "bars": list(zip(labels, shown, strict=True)),
        "chart": {
            "labels": labels,
            "days": None if by_hour else [bar.at.date().isoformat() for bar in shown],
            "series": [_series(key, name, shown) for key, name in names.items()],
            "when": _("Hour") if by_hour else _("Day"),
        },
    }


def _series(key: str, name: str, bars: Sequence[Bar]) -> dict[str, Any]:
    values = [getattr(bar, key) for bar in bars]
    return {"colour": key.replace("_", "-"), "name": name, "values": values, "total": sum(values)}
