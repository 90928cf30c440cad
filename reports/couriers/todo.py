"""What the courier page says needs somebody: hand-offs in doubt, orders nobody carries, couriers at rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from couriers.rests import resting
from reports.couriers import queries
from reports.couriers.filters import Chosen


@dataclass(frozen=True, slots=True)
class Todo:
    """A sentence for whoever looks after hand-offs; `link` leads to where they are seen, if there is one."""

    name: str
    icon: str
    what: str
    advice: str
    link: str = ""
    for_admins: bool = False  # the link


def todos(chosen: Chosen, *, now: datetime) -> list[Todo]:
    """What does not come right by itself, as it stands now, whatever the period; five queries."""
    return [
        *_in_doubt(chosen),
        *_not_called_off(chosen, now),
        *_without_carrier(chosen),
        *_resting(chosen, now),
    ]


def _in_doubt(chosen: Chosen) -> Iterator[Todo]:
    stores, labels = _codes(chosen), {account.pk: account.label for account in chosen.accounts}
    for (store, account), number in queries.in_doubt(chosen).items():
        what = ngettext(
            "Of %(number)s hand-off nobody knows whether %(courier)s has it.",
            "Of %(number)s hand-offs nobody knows whether %(courier)s has them.",
            number,
        )
        yield Todo(
            stores[store],
            "circle-help",
            what % {"number": number, "courier": labels[account]},
            _("Ask the courier by phone, and say on the board what is true."),
            reverse("board", args=[store]),
        )


def _not_called_off(chosen: Chosen, now: datetime) -> Iterator[Todo]:
    stores, labels = _codes(chosen), {account.pk: account.label for account in chosen.accounts}
    link = f"{reverse('admin:outbox_job_changelist')}?kind__exact=handoff.cancel&state__exact=dead"
    for (store, account), number in queries.not_called_off(chosen, now=now).items():
        what = ngettext(
            "%(courier)s could not be told that %(number)s order is no longer wanted.",
            "%(courier)s could not be told that %(number)s orders are no longer wanted.",
            number,
        )
        advice = _("A rider may still come: ring the courier. An administrator can have it tried again.")
        what %= {"number": number, "courier": labels[account]}
        yield Todo(stores[store], "phone", what, advice, link, for_admins=True)


def _without_carrier(chosen: Chosen) -> Iterator[Todo]:
    stores = _codes(chosen)
    for store, number in queries.without_carrier(chosen.stores).items():
        what = ngettext(
            "Nobody was found for %(number)s order.", "Nobody was found for %(number)s orders.", number
        )
        advice = _("Hand it to somebody on the board, or have everybody asked again.")
        link = reverse("board", args=[store])
        yield Todo(stores[store], "bike", what % {"number": number}, advice, link)


def _resting(chosen: Chosen, now: datetime) -> Iterator[Todo]:
    until = resting(chosen.accounts, now)
    for account in chosen.accounts:
        if account.pk in until:
            at = time_format(until[account.pk].astimezone(chosen.selection.zone), "H:i:s")
            what = _("This courier is not called before %(time)s.") % {"time": at}
            advice = _("Too many calls failed, or it asked for patience; then one call tries again.")
            yield Todo(account.label, "circle-pause", what, advice)


def _codes(chosen: Chosen) -> dict[int, str]:
    return {store.pk: store.code for store in chosen.stores}
