"""The counter's page of riders: shifts and their links, proposed runs, what was reported from the road."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from couriers.models import Rider, RiderReport, Shift
from couriers.riders import shifts
from couriers.riders.crew import crew_of, shift_in
from couriers.riders.errors import ShiftRefused
from couriers.riders.links import link_of, qr_of
from couriers.riders.reported import latest_besides, reported
from couriers.riders.runs import Given, propose
from couriers.riders.runs import assign as assign_run
from orders.requests import actor_of, managed_stores, store_of
from stores.models import Store

NAME_LENGTH, PHONE_LENGTH, NUMBER_LENGTH, KEY_LENGTH = 60, 30, 20, 22
MOST_BAGS = 50


@require_safe
@login_required
def page(request: HttpRequest, store_id: int) -> HttpResponse:
    """Everybody who rides for the store, and what they reported, with `order` of that daily number alone.

    A link of theirs is never on this page itself.
    """
    store, now = store_of(request, store_id), timezone.now()
    number = request.GET.get("order", "").replace("\0", "").strip().lstrip("#")[:NUMBER_LENGTH]
    problems = reported(store, RiderReport.Kind.PROBLEM, number=number, now=now)
    shown = {
        "store": store,
        "now": now,
        "crew": crew_of(store, now=now),
        "proposals": propose(store, now=now),
        "number": number,
        "ever_had_riders": store.riders.exists(),
        "problems": problems,
        "others": latest_besides(problems, store, now=now) if number else (),
        "proofs": reported(store, RiderReport.Kind.PROOF, number=number, now=now),
        "manages": _manages(request, store),
        "command": get_random_string(KEY_LENGTH),
    }
    return render(request, "couriers/riders/counter.html", shown)


@require_safe
@login_required
def link(request: HttpRequest, store_id: int, rider_id: int) -> HttpResponse:
    """The code for the rider's phone, large enough to scan over the counter."""
    store, now = store_of(request, store_id), timezone.now()
    shift = shift_in(store, rider_id, now=now)
    if shift is None:
        raise Http404
    shown = {"store": store, "shift": shift, "now": now, "qr": qr_of(link_of(shift))}
    response = render(request, "couriers/riders/link.html", shown)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@login_required
def change(request: HttpRequest, store_id: int, rider_id: int, verb: str) -> HttpResponse:
    """`start`, `end`, `new-link`; for managers also `rename` and `let-go`."""
    store = store_of(request, store_id)
    if verb not in CHANGES and not (verb in MANAGED and _manages(request, store)):
        raise Http404
    rider = get_object_or_404(Rider, store=store, pk=rider_id)
    return _told(request, store, lambda: {**CHANGES, **MANAGED}[verb](request, rider, timezone.now()))


@require_POST
@login_required
def take_on(request: HttpRequest, store_id: int) -> HttpResponse:
    """A new rider, by a manager."""
    store = store_of(request, store_id)
    if not _manages(request, store):
        raise Http404

    def act() -> str:
        rider = shifts.take_on(store=store, **_person(request))
        return _("%(rider)s rides for the store now.") % {"rider": rider.name}

    return _told(request, store, act)


@require_POST
@login_required
def assign(request: HttpRequest, store_id: int) -> HttpResponse:
    """Give a rider a run: `rider`, `bag` (several, "17.1"), `command`; each bag has its own result."""
    store = store_of(request, store_id)
    rider = get_object_or_404(Rider, store=store, pk=_number(request.POST.get("rider")))
    given = assign_run(
        store=store,
        rider=rider,
        bags=[_bag(text) for text in request.POST.getlist("bag")[:MOST_BAGS]],
        actor=actor_of(request),
        now=timezone.now(),
        command=request.POST.get("command", "")[:KEY_LENGTH] or get_random_string(KEY_LENGTH),
    )
    _say(request, rider, given)
    return redirect("riders", store_id=store.pk)


@require_safe
@login_required
def photo(request: HttpRequest, store_id: int, report_id: int) -> HttpResponse:
    """What the rider photographed, until it is forgotten."""
    store = store_of(request, store_id)
    report = get_object_or_404(RiderReport, handoff__store=store, pk=report_id, photo__isnull=False)
    response = HttpResponse(report.photo, content_type="image/jpeg")
    response["Cache-Control"] = "private, no-store"
    return response


def _start(request: HttpRequest, rider: Rider, now: datetime) -> str:
    shifts.start_shift(rider=rider, actor=actor_of(request), now=now)
    words = _("%(rider)s is on a shift. Show the code, so that their phone can scan it.")
    return words % {"rider": rider.name}


def _end(request: HttpRequest, rider: Rider, now: datetime) -> str:
    shift = _open(rider, now)
    put_back = "put_back" in request.POST
    back = shifts.end_shift(shift=shift, actor=actor_of(request), now=now, put_orders_back=put_back)
    if not back:
        return _("The shift of %(rider)s has ended.") % {"rider": rider.name}
    words = ngettext(
        "The shift of %(rider)s has ended; %(count)s order is back on the shelf.",
        "The shift of %(rider)s has ended; %(count)s orders are back on the shelf.",
        back,
    )
    return words % {"rider": rider.name, "count": back}


def _renew(request: HttpRequest, rider: Rider, now: datetime) -> str:
    shifts.new_link(shift=_open(rider, now), now=now)
    return _("%(rider)s has a new link; the old one is worthless.") % {"rider": rider.name}


def _rename(request: HttpRequest, rider: Rider, now: datetime) -> str:
    shifts.rename(rider=rider, **_person(request))
    return _("Saved: %(rider)s.") % {"rider": rider.name}


def _let_go(request: HttpRequest, rider: Rider, now: datetime) -> str:
    shifts.let_go(rider=rider)
    return _("%(rider)s rides for the store no more.") % {"rider": rider.name}


Change = Callable[[HttpRequest, Rider, datetime], str]
CHANGES: dict[str, Change] = {"start": _start, "end": _end, "new-link": _renew}
MANAGED: dict[str, Change] = {"rename": _rename, "let-go": _let_go}


def _open(rider: Rider, now: datetime) -> Shift:
    shift = shift_in(rider.store, rider.pk, now=now)
    if shift is None:
        raise ShiftRefused(_("%(rider)s is not on a shift.") % {"rider": rider.name})
    return shift


def _told(request: HttpRequest, store: Store, act: Callable[[], str]) -> HttpResponse:
    """Carry it out, say how it went, and go back to the page."""
    try:
        messages.success(request, act())
    except ShiftRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("riders", store_id=store.pk)


def _say(request: HttpRequest, rider: Rider, given: list[Given]) -> None:
    """One message for what went well, one for each order that did not."""
    if done := sum(one.done for one in given):
        words = ngettext(
            "%(rider)s takes %(count)s bag along.", "%(rider)s takes %(count)s bags along.", done
        )
        messages.success(request, words % {"rider": rider.name, "count": done})
    for one in given:
        if not one.done:
            facts = {"number": one.order.daily_number, "detail": one.detail}
            messages.warning(request, _("#%(number)s was not handed off. %(detail)s") % facts)
    if not given:
        messages.warning(request, _("These orders are not here any more."))


def _manages(request: HttpRequest, store: Store) -> bool:
    return managed_stores(request).filter(pk=store.pk).exists()


def _person(request: HttpRequest) -> dict[str, Any]:
    """Name and phone of the form. Raises ShiftRefused."""
    name = " ".join(request.POST.get("name", "").split())
    if not 0 < len(name) <= NAME_LENGTH:
        raise ShiftRefused(_("Give a name of at most %(count)s letters.") % {"count": NAME_LENGTH})
    return {"name": name, "phone": request.POST.get("phone", "").strip()[:PHONE_LENGTH]}


def _bag(text: str) -> tuple[int, int]:
    """Order and bag of "17.1". Raises Http404 for what is none."""
    order_id, _, bag = text.partition(".")
    return _number(order_id), _number(bag)


def _number(text: str | None) -> int:
    """A primary key. Raises Http404 for what is none."""
    if text is None or not text.isdecimal() or len(text) > 18:
        raise Http404
    return int(text)
