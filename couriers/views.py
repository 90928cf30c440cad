"""Where couriers call back."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from couriers.errands import access_of, account_of
from couriers.models import CourierAccount
from couriers.providers import PROVIDERS
from couriers.providers.base import Callback, Forged, Malformed
from couriers.queries import account_of_token, handoff_of_token
from couriers.record import load
from couriers.reports import take_account_callback, take_callback
from outbox.calling import Refused

logger = logging.getLogger(__name__)
MAX_BODY = 64 * 1024
Take = Callable[[Callback, bytes], object]


@csrf_exempt
@require_POST
def callback(request: HttpRequest, provider: str, token: str) -> HttpResponse:
    """A courier's news about one hand-off; the address itself is the first secret.

    404 unknown address, 413 too long, 400 unreadable, 401 checksum or names wrong, else the answer the
    courier expects. What is refused is not stored.
    """
    handoff_id = handoff_of_token(provider, token)
    if handoff_id is None:
        return _refusal(404, "unknown address")

    def take(message: Callback, body: bytes) -> object:
        return take_callback(handoff_id=handoff_id, callback=message, body=body, now=timezone.now())

    return _answer(request, account_of(load(handoff_id)), take)


@csrf_exempt
@require_POST
def account_callback(request: HttpRequest, provider: str, token: str) -> HttpResponse:
    """A courier's news about any hand-off of one account; answers like `callback`.

    What names none of this account's hand-offs is kept and answered like the rest: it would not become known
    by being sent again.
    """
    account = account_of_token(provider, token)
    if account is None:
        return _refusal(404, "unknown address")

    def take(message: Callback, body: bytes) -> object:
        return take_account_callback(account=account, callback=message, body=body, now=timezone.now())

    return _answer(request, account, take)


def _answer(request: HttpRequest, account: CourierAccount, take: Take) -> HttpResponse:
    body = request.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        return _refusal(413, "too long")
    courier = PROVIDERS[account.provider]
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        take(courier.parse_callback(body, headers, access_of(account), now=timezone.now()), body)
    except Malformed as error:
        return _refusal(400, str(error))
    except (Forged, Refused) as error:
        logger.warning("callback refused at account %s: %s", account.pk, error)
        return _refusal(401, str(error))
    return JsonResponse(courier.answer())


def _refusal(status: int, detail: str) -> JsonResponse:
    return JsonResponse({"code": "refused", "detail": detail}, status=status)
