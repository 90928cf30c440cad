"""The typed HTTP API under `/api/v1/`; the board is its first client."""

import logging

from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError
from ninja.security import django_auth

from couriers.api import router as couriers_router
from couriers.api_bulk import router as bulk_router
from couriers.errors import TooManyRaces
from merchant_portal.docs_page import DocsPage
from orders.api import router as orders_router
from orders.cards import iso
from orders.errors import CannotUndo, NotPossible, Stale

logger = logging.getLogger(__name__)

api = NinjaAPI(title="Merchant Portal", version="1", auth=django_auth, docs=DocsPage())
# Before the orders' router, whose {verb} would take "handoff" for a verb of its own.
api.add_router("/stores", bulk_router)
api.add_router("/stores", couriers_router)
api.add_router("/stores", orders_router)


@api.exception_handler(Stale)
def stale(request: HttpRequest, error: Stale) -> HttpResponse:
    """Somebody was first: say who and when, and show the order as it is now."""
    refusal = {"code": "stale", "detail": str(error), "by": error.by, "at": iso(error.at), "card": error.card}
    return api.create_response(request, refusal, status=409)


@api.exception_handler(CannotUndo)
def cannot_undo(request: HttpRequest, error: CannotUndo) -> HttpResponse:
    """Too late to take a step back."""
    return api.create_response(request, {"code": "too_late", "detail": str(error)}, status=409)


@api.exception_handler(NotPossible)
def not_possible(request: HttpRequest, error: NotPossible) -> HttpResponse:
    """The order does not allow it, and will not."""
    return api.create_response(request, {"code": "not_possible", "detail": str(error)}, status=422)


@api.exception_handler(TooManyRaces)
def too_many_races(request: HttpRequest, error: TooManyRaces) -> HttpResponse:
    """Couriers are not asked now, for the sake of their limits: say when again."""
    answer = api.create_response(request, {"code": "too_many", "detail": str(error)}, status=429)
    answer["Retry-After"] = str(error.wait)
    return answer


@api.exception_handler(OperationalError)
def database_away(request: HttpRequest, error: OperationalError) -> HttpResponse:
    """The database cannot be reached or has no connection free: nothing was done, come back."""
    logger.warning("the API answers 503: %s", error)
    refusal = {"code": "busy", "detail": _("The portal is busy; nothing was changed. Try again.")}
    answer = api.create_response(request, refusal, status=503)
    answer["Retry-After"] = "2"
    return answer


@api.exception_handler(Http404)
def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    """Also what others own: nobody learns that it exists."""
    return api.create_response(request, {"code": "not_found", "detail": _("This is not here.")}, status=404)


@api.exception_handler(AuthenticationError)
def not_signed_in(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """The session has ended."""
    return api.create_response(request, {"code": "not_signed_in", "detail": _("Sign in first.")}, status=401)


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """The request is not of the operation's form: say where."""
    fault = error.errors[0]
    place = ".".join(str(part) for part in fault["loc"])
    detail = _("The portal cannot read this: %(place)s: %(fault)s") % {"place": place, "fault": fault["msg"]}
    return api.create_response(request, {"code": "invalid", "detail": detail}, status=422)
