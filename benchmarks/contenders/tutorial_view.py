"""The tutorial way: a sync Django view, one ORM transaction per order, served by Daphne.

It checks the signature, parses, and writes the rows we write, with our models and database settings
(connection pool, SQLite in WAL mode), so that the difference is the way and not the tuning. It does less:
no payload validation, no held orders, no answer to duplicates, no feed, no nudge. The middleware is that
of a new project.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
settings.ROOT_URLCONF = __name__
settings.MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
application = get_asgi_application()

# Models can be imported only after the set-up.
from django.db import transaction  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.shortcuts import get_object_or_404  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from standardwebhooks.webhooks import Webhook, WebhookVerificationError  # noqa: E402

from orders.models import IncomingMessage, Order, OrderEvent, OrderLine, StoreSequence  # noqa: E402
from outbox.models import Job  # noqa: E402
from stores.models import ChannelAccount, StoreChannel  # noqa: E402


@csrf_exempt
def push(request: HttpRequest, slug: str) -> JsonResponse:
    """Store one pushed order."""
    account = get_object_or_404(ChannelAccount, slug=slug, active=True)
    try:
        message = Webhook(account.secret_list[0]).verify(request.body, dict(request.headers))
    except WebhookVerificationError:
        return JsonResponse({"error": "signature"}, status=401)
    data = message["data"]
    channel = get_object_or_404(StoreChannel, account=account, external_code=data["store_code"])
    with transaction.atomic():
        IncomingMessage.objects.create(
            account=account,
            delivery_id=request.headers["webhook-id"],
            kind=message["type"],
            external_id=data["order_id"],
            body=request.body.decode(),
            body_hash=hashlib.sha256(request.body).hexdigest(),
            received_at=timezone.now(),
        )
        _store(channel, data)
    return JsonResponse({"outcome": "stored"})


def _store(channel: StoreChannel, data: dict[str, Any]) -> None:
    now = timezone.now()
    order = _order(channel, data)
    for position, item in enumerate(data["items"]):
        OrderLine.objects.create(order=order, position=position, **item)
    Job.objects.create(
        kind="channel.order",
        key=f"order.accept.{order.pk}",
        queue="platforms",
        payload={"order": order.pk, "call": "order.accepted", "reason": ""},
        due_at=now,
        created_at=now,
    )
    sequence, _ = StoreSequence.objects.select_for_update().get_or_create(
        store_id=channel.store_id, defaults={"epoch": "bench"}
    )
    sequence.last_seq += 1
    sequence.save()
    OrderEvent.objects.create(
        store_id=channel.store_id,
        seq=sequence.last_seq,
        order=order,
        kind="order.placed",
        at=now,
        body=json.dumps(data, ensure_ascii=False),
    )


def _order(channel: StoreChannel, data: dict[str, Any]) -> Order:
    now = timezone.now()
    customer, campaign = data["customer"], data["campaign"]
    return Order.objects.create(
        store_id=channel.store_id,
        account_id=channel.account_id,
        external_id=data["order_id"],
        content_hash=hashlib.sha256(json.dumps(data).encode()).hexdigest(),
        daily_number=data["daily_number"],
        state="accepted",
        fulfilment=data["fulfilment"],
        **data["amounts"],
        funding="free" if data["amounts"]["customer_paid"] <= 1 else "paid",
        campaign_code=campaign["code"],
        campaign_name=campaign["name"],
        customer_name=customer["name"],
        customer_phone=customer["phone"],
        phone_mask=f"····{customer['phone'][-4:]}",
        address=customer["address"],
        latitude=customer["latitude"],
        longitude=customer["longitude"],
        note=data["note"],
        cups=sum(item["quantity"] for item in data["items"]),
        placed_at=datetime.fromisoformat(data["placed_at"]),
        promised_at=datetime.fromisoformat(data["promised_at"]),
        received_at=now,
        accepted_at=now,
    )


urlpatterns = [path("intake/standard/<slug:slug>/", push)]
