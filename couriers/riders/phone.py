"""The rider's page and what it asks for, under `/r/<token>/`. The token is the secret: no login, no cookie.

Answers are JSON: 404 a link that never was, or another rider's bag; 410 a link that is over; 409 somebody was
faster; 422 what cannot be done or read; 413 a photo too large; 503 come back later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.staticfiles import finders
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from couriers.models import HandOff, Shift
from couriers.riders import steps
from couriers.riders.errors import LinkOver
from couriers.riders.links import NoLink, shift_of
from couriers.riders.photos import LARGEST, BadPhoto, cleaned
from couriers.riders.problems import Problem
from couriers.riders.shifts import note_seen
from couriers.riders.stops import bags_of, hand_off_of, stops_of
from couriers.riders.unseen import shown
from couriers.states import LIVE
from orders.cards import iso
from orders.errors import NotPossible, Stale
from orders.services import Stepped, reveal_phone
from stores.actors import Actor

logger = logging.getLogger(__name__)
P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, Shift, P], HttpResponse]

MAX_BODY = 16 * 1024
MAX_REPORT = LARGEST + MAX_BODY
NOTE_LENGTH = 500
UNDO_SECONDS = 8
KEY_LENGTH = 64
VERBS = {
    "arrived": steps.arrive,
    "not-arrived": steps.undo_arrive,
    "picked-up": steps.pick_up,
    "not-picked-up": steps.undo_pick_up,
    "delivered": steps.deliver,
    "given-back": steps.give_back,
}
PRIVATE = {
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


class Refused(Exception):
    """Answered with this status, code and words."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


# Anything else is a fault of ours, and answered like one.
FORESEEN = (
    Refused, LinkOver, NoLink, HandOff.DoesNotExist, Stale, NotPossible, MultiPartParserError,
    OperationalError,
)  # fmt: skip


def for_phones(view: Page[P]) -> Callable[..., HttpResponse]:
    """Open the view to whoever has the link, with the shift behind it, and answer errors as JSON."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest, token: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            response = view(request, shift_of(token, now=timezone.now()), *args, **kwargs)
        except FORESEEN as error:
            response = _refusal(error)
        return _private(response)

    return answer


@require_safe
@csrf_exempt
def page(request: HttpRequest, token: str) -> HttpResponse:
    """The page itself: a shell without anybody's data, kept by the phone for when there is no network."""
    try:
        boot = _boot(shift_of(token, now=timezone.now()))
    except LinkOver as over:
        return _private(render(request, "couriers/riders/over.html", {"words": str(over)}, status=410))
    except NoLink:
        words = _("This link is not complete. Scan the code at the counter once more.")
        return _private(render(request, "couriers/riders/over.html", {"words": words}, status=404))
    return _private(
        render(request, "couriers/riders/phone.html", {"boot": boot, "problems": Problem.choices})
    )


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The script that answers for the portal while the phone has no network; it must lie above the pages."""
    path = finders.find("js/rider/worker.js")
    with open(str(path), "rb") as script:
        response = HttpResponse(script.read(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


@require_safe
@for_phones
def stops(request: HttpRequest, shift: Shift) -> HttpResponse:
    """What there is to do."""
    return JsonResponse(_listed(shift))


@require_POST
@for_phones
def step(request: HttpRequest, shift: Shift, handoff_id: int, verb: str) -> HttpResponse:
    """One of VERBS; needs an Idempotency-Key, and says in `X-Tapped` how many milliseconds ago it was."""
    if verb not in VERBS:
        raise Refused(404, "not_found", _("This is not here."))
    _body_within(request, MAX_BODY)
    handoff = hand_off_of(shift, handoff_id)
    return _done(VERBS[verb](**_command(request, shift, handoff)), shift)


@require_POST
@for_phones
def problem(request: HttpRequest, shift: Shift, handoff_id: int) -> HttpResponse:
    """A form with `code`, `note` and maybe a `photo`; needs an Idempotency-Key."""
    _body_within(request, MAX_REPORT)
    handoff = hand_off_of(shift, handoff_id)
    code = request.POST.get("code", "")
    if code not in Problem.values:
        raise Refused(422, "invalid", _("Say what is wrong."))
    told: dict[str, Any] = {"code": code, "note": _note(request), "photo": _photo(request)}
    return _done(steps.report_problem(**told, **_command(request, shift, handoff)), shift)


@require_POST
@for_phones
def proof(request: HttpRequest, shift: Shift, handoff_id: int) -> HttpResponse:
    """A form with a `photo` of where the bag was left; needs an Idempotency-Key."""
    _body_within(request, MAX_REPORT)
    handoff = hand_off_of(shift, handoff_id)
    photo = _photo(request)
    if photo is None:
        raise Refused(422, "no_photo", _("This is not a photo the portal can read."))
    return _done(steps.prove(photo=photo, **_command(request, shift, handoff)), shift)


@require_POST
@for_phones
def call(request: HttpRequest, shift: Shift, handoff_id: int) -> HttpResponse:
    """The guest's number, while the rider has the bag; who asked is written down."""
    _body_within(request, MAX_BODY)
    handoff = hand_off_of(shift, handoff_id)
    if handoff.state not in LIVE:
        raise Refused(409, "not_yours", _("This order is no longer with you."))
    phone = reveal_phone(order_id=handoff.order_id, actor=_actor(shift), now=timezone.now())
    if not phone:
        raise Refused(422, "no_phone", _("The guest left no number."))
    return JsonResponse({"phone": phone})


def _boot(shift: Shift) -> dict[str, Any]:
    """What the page's script must know before it has heard from the portal; nothing about guests."""
    return {"rider": shift.rider_id, "problems": Problem.choices, "undo_seconds": UNDO_SECONDS}


def _actor(shift: Shift) -> Actor:
    return Actor(shift.rider.name)


def _command(request: HttpRequest, shift: Shift, handoff: HandOff) -> dict[str, Any]:
    key = request.headers.get("Idempotency-Key", "")
    if not 0 < len(key) <= KEY_LENGTH:
        raise Refused(400, "no_key", _("The request has no key of its own, so it might be done twice."))
    now = timezone.now()
    names = {"handoff_id": handoff.pk, "order_id": handoff.order_id, "command": key}
    return {**names, "at": now - _ago(request), "actor": _actor(shift), "now": now}


def _ago(request: HttpRequest) -> timedelta:
    """How long ago the phone was tapped, by the phone's own clock: two readings of it, so it may be wrong."""
    told = request.headers.get("X-Tapped", "")
    known = told.isdecimal() and len(told) <= 9
    return timedelta(milliseconds=int(told)) if known else timedelta(0)


def _done(stepped: Stepped, shift: Shift) -> JsonResponse:
    return JsonResponse({"state": stepped.card["state"], **_listed(shift)})


def _listed(shift: Shift) -> dict[str, Any]:
    """The list as the phone is about to show it, which is written down."""
    now, bags = timezone.now(), bags_of(shift)
    note_seen(shift, bags, now=now)
    shown(bags, now=now)
    return stops_of(shift, bags, now=now)


def _body_within(request: HttpRequest, limit: int) -> None:
    """Refuse what is declared too long, or not at all, before anything is read."""
    declared = request.headers.get("Content-Length", "0")
    if not declared.isdecimal() or "Transfer-Encoding" in request.headers:
        raise Refused(411, "no_length", _("The request does not say how long it is."))
    if int(declared) > limit:
        raise Refused(413, "too_large", _("The photo is too large."))


def _note(request: HttpRequest) -> str:
    return request.POST.get("note", "").strip()[:NOTE_LENGTH]


def _photo(request: HttpRequest) -> bytes | None:
    file = request.FILES.get("photo")
    if file is None:
        return None
    if file.size is None or file.size > LARGEST:
        raise Refused(413, "too_large", _("The photo is too large."))
    try:
        return cleaned(file.read())
    except BadPhoto:
        raise Refused(422, "no_photo", _("This is not a photo the portal can read.")) from None


def _refusal(error: Exception) -> JsonResponse:
    """What went wrong, for the rider."""
    match error:
        case Refused():
            return _json(error.status, error.code, str(error))
        case Stale():
            return _json(409, "stale", str(error), by=error.by, at=iso(error.at))
        case OperationalError():
            logger.warning("a rider's phone is answered 503: %s", error)
    status, code, detail = next(words for kind, words in _WORDS.items() if isinstance(error, kind))
    return _json(status, code, str(detail or error))


_WORDS = {
    LinkOver: (410, "link_over", ""),
    NotPossible: (422, "not_possible", ""),
    NoLink: (404, "not_found", gettext_lazy("This is not here.")),
    HandOff.DoesNotExist: (404, "not_found", gettext_lazy("This is not here.")),
    MultiPartParserError: (422, "invalid", gettext_lazy("The portal cannot read this.")),
    OperationalError: (503, "busy", gettext_lazy("The portal is busy; nothing was changed. Try again.")),
}


def _json(status: int, code: str, detail: str, **more: Any) -> JsonResponse:
    return JsonResponse({"code": code, "detail": detail, **more}, status=status)


def _private(response: HttpResponse) -> HttpResponse:
    for name, value in PRIVATE.items():
        response[name] = value
    return response
