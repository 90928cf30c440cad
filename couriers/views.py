"""Where couriers call back."""

import logging

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from couriers.errands import access_of, account_of
from couriers.providers import PROVIDERS
from couriers.providers.base import Forged, Malformed
from couriers.queries import handoff_of_token
from couriers.record import load
from couriers.reports import take_callback

logger = logging.getLogger(__name__)
MAX_BODY = 64 * 1024


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
    body = request.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        return _refusal(413, "too long")
    courier = PROVIDERS[provider]
    try:
        headers = {name.lower(): value for name, value in request.headers.items()}
        access, now = access_of(account_of(load(handoff_id))), timezone.now()
        message = courier.parse_callback(body, headers, access, now=now)
        take_callback(handoff_id=handoff_id, callback=message, body=body, now=now)
    except Malformed as error:
        return _refusal(400, str(error))
    except Forged as error:
        logger.warning("forged callback of %s for hand-off %s: %s", provider, handoff_id, error)
        return _refusal(401, str(error))
    return JsonResponse(courier.answer())


def _refusal(status: int, detail: str) -> JsonResponse:
    return JsonResponse({"code": "refused", "detail": detail}, status=status)
