"""Channel `standard`, incoming: verify, parse, answer (pure).

Source: the Standard Webhooks 1.0.0 specification; headers `webhook-id`, `webhook-timestamp`,
`webhook-signature`, five minutes of tolerance, several signatures and secrets during a rotation.
"""

import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from orders.channels.incoming import (
    CancelledByPlatform,
    Content,
    IncomingLine,
    Message,
    Placed,
    Rejected,
    Urged,
)
from orders.channels.standard.payload import Cancelled, Created, Envelope, OrderCreated, UrgedOrder

ID_FORM = re.compile(r"[\x21-\x7e]{1,128}")
KNOWN: dict[str, type[Envelope]] = {
    "order.created": Created,
    "order.cancelled": Cancelled,
    "order.urged": UrgedOrder,
}


def verify(*, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> str:
    """Check the signature over the raw body with any of `secrets`; return the delivery id.

    Raises Rejected(400) for missing or malformed headers, Rejected(401) for a wrong signature or a
    time more than five minutes off.
    """
    delivery_id = headers.get("webhook-id", "")
    if not ID_FORM.fullmatch(delivery_id):
        raise Rejected(400, "webhook-id must be 1 to 128 printable characters.")
    for name in ("webhook-timestamp", "webhook-signature"):
        if not headers.get(name):
            raise Rejected(400, f"{name} is missing.")
    if not any(_matches(secret, headers, body) for secret in secrets):
        raise Rejected(401, "The signature does not match, or its time is more than five minutes off.")
    return delivery_id


def _matches(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        _webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, EmptyWebhookSecretError):
        return False
    except (ValueError, binascii.Error, OverflowError) as error:
        # The library lets these through on malformed timestamps, signatures and bodies.
        raise Rejected(400, "The signature headers or the body are malformed.") from error
    return True


@lru_cache(maxsize=1_000)
def _webhook(secret: str) -> Webhook:
    return Webhook(secret)


def parse(*, delivery_id: str, body: bytes) -> Message:
    """Turn a verified body into the one message form. Raises Rejected(400) saying what is wrong."""
    try:
        document = from_json(body, allow_inf_nan=False)
        kind = document.get("type") if isinstance(document, dict) else None
        envelope = KNOWN.get(str(kind), Envelope).model_validate(document)
    except ValidationError as error:
        raise Rejected(400, _first_fault(error)) from error
    except ValueError as error:
        raise Rejected(400, f"Not JSON: {error}") from error
    if not isinstance(envelope, Created | Cancelled | UrgedOrder):
        return Message(delivery_id=delivery_id, kind=envelope.type, external_id="", store_code="")
    return Message(
        delivery_id=delivery_id,
        kind=envelope.type,
        external_id=envelope.data.order_id,
        store_code=envelope.data.store_code,
        content=_content(envelope),
    )


def _content(envelope: Created | Cancelled | UrgedOrder) -> Content:
    match envelope:
        case Created(data=order):
            return _placed(order)
        case Cancelled(data=data):
            return CancelledByPlatform(reason=data.reason, by=data.by or "platform")
        case _:
            return Urged()


def _placed(order: OrderCreated) -> Placed:
    customer, campaign = order.customer, order.campaign
    return Placed(
        content_hash=hashlib.sha256(order.__pydantic_serializer__.to_json(order)).hexdigest(),
        daily_number=order.daily_number,
        placed_at=order.placed_at,
        promised_at=order.promised_at,
        fulfilment=order.fulfilment,
        amounts=dict(order.amounts),
        campaign_code=campaign.code if campaign else "",
        campaign_name=campaign.name if campaign else "",
        customer_name=customer.name if customer else "",
        phone=customer.phone if customer else "",
        address=customer.address if customer else "",
        latitude=customer.latitude if customer else None,
        longitude=customer.longitude if customer else None,
        note=order.note,
        lines=tuple(
            IncomingLine(
                item.sku, item.name, item.quantity, item.unit_price, tuple(map(dict, item.options)), item.note
            )
            for item in order.items
        ),
    )


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])


def answer(outcome: str) -> dict[str, Any]:
    """The body of a 200."""
    return {"outcome": outcome}
