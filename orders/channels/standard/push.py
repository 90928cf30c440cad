"""Channel `standard`, incoming: verify, parse, answer (pure).

Source: the Standard Webhooks 1.0.0 specification; headers `webhook-id`, `webhook-timestamp`,
`webhook-signature`, five minutes of tolerance, several signatures and secrets during a rotation.
"""

import binascii
import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from orders.channels.incoming import (
    CancelledByPlatform,
    IncomingLine,
    Message,
    Placed,
    Rejected,
    Urged,
)
from orders.channels.standard.payload import (
    Cancelled,
    Created,
    Customer,
    Envelope,
    Item,
    OrderCreated,
    UrgedOrder,
)

SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")
logger = logging.getLogger(__name__)

ID_FORM = re.compile(r"[\x21-\x7e]{1,128}")
NO_AMOUNTS = dict.fromkeys(("delivery_fee", "platform_subsidy", "shop_subsidy", "shop_income"), 0)
ENVELOPE: TypeAdapter[Envelope] = TypeAdapter(Envelope)
CREATED: TypeAdapter[Created] = TypeAdapter(Created)
CANCELLED: TypeAdapter[Cancelled] = TypeAdapter(Cancelled)
URGED: TypeAdapter[UrgedOrder] = TypeAdapter(UrgedOrder)


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
    signed = {name: headers[name] for name in SIGNED}
    if not any(_matches(secret, signed, body) for secret in secrets):
        raise Rejected(401, "The signature does not match, or its time is more than five minutes off.")
    return delivery_id


def _matches(secret: str, headers: dict[str, str], body: bytes) -> bool:
    webhook = _webhook(secret)
    if webhook is None:
        return False
    try:
        webhook.verify(body, headers, json_parse=False)
    except WebhookVerificationError:
        return False
    except (ValueError, binascii.Error, OverflowError) as error:
        # The library lets these through on malformed timestamps, signatures and bodies.
        raise Rejected(400, "The signature headers or the body are malformed.") from error
    return True


@lru_cache(maxsize=1_000)
def _webhook(secret: str) -> Webhook | None:
    """None for a secret nobody can sign with: the account's other secrets still count."""
    try:
        return Webhook(secret)
    except (ValueError, EmptyWebhookSecretError):
        logger.exception("an account has a secret that is not of the form whsec_<base64>")
        return None


def parse(*, delivery_id: str, body: bytes) -> Message:
    """Turn a verified body into the one message form. Raises Rejected(400) saying what is wrong."""
    try:
        document = from_json(body, allow_inf_nan=False)
        kind = document.get("type") if isinstance(document, dict) else None
        return _message(delivery_id, kind, document)
    except ValidationError as error:
        raise Rejected(400, _first_fault(error)) from error
    except ValueError as error:
        raise Rejected(400, f"Not JSON: {error}") from error


def _message(delivery_id: str, kind: Any, document: Any) -> Message:
    match kind:
        case "order.created":
            order = CREATED.validate_python(document)["data"]
            return Message(delivery_id, kind, order["order_id"], order["store_code"], _placed(order))
        case "order.cancelled":
            cancel = CANCELLED.validate_python(document)["data"]
            content = CancelledByPlatform(
                reason=cancel.get("reason") or "", by=cancel.get("by") or "platform"
            )
            return Message(delivery_id, kind, cancel["order_id"], cancel["store_code"], content)
        case "order.urged":
            urge = URGED.validate_python(document)["data"]
            return Message(delivery_id, kind, urge["order_id"], urge["store_code"], Urged())
        case _:
            unknown = ENVELOPE.validate_python(document)
            return Message(delivery_id, unknown["type"], external_id="", store_code="")


def _placed(order: OrderCreated) -> Placed:
    customer: Customer = order.get("customer") or {}
    campaign = order.get("campaign")
    facts: dict[str, Any] = {
        "daily_number": order["daily_number"],
        "placed_at": order["placed_at"],
        "promised_at": order.get("promised_at"),
        "fulfilment": order["fulfilment"],
        "amounts": {**NO_AMOUNTS, **order["amounts"]},
        "campaign_code": campaign["code"] if campaign else "",
        "campaign_name": campaign.get("name") or "" if campaign else "",
        "customer_name": customer.get("name") or "",
        "phone": customer.get("phone") or "",
        "address": customer.get("address") or "",
        "latitude": customer.get("latitude"),
        "longitude": customer.get("longitude"),
        "note": order.get("note") or "",
        "lines": tuple(map(_line, order["items"])),
    }
    identity = (order["order_id"], order["store_code"], facts)
    return Placed(content_hash=hashlib.sha256(to_json(identity)).hexdigest(), **facts)


def _line(item: Item) -> IncomingLine:
    options = tuple(
        {"name": option["name"] or "", "value": option["value"] or ""} for option in item.get("options", ())
    )
    return IncomingLine(
        sku=item.get("sku") or "",
        name=item["name"],
        quantity=item["quantity"],
        unit_price=item["unit_price"],
        options=options,
        note=item.get("note") or "",
    )


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])


def answer(outcome: str) -> dict[str, Any]:
    """The body of a 200."""
    return {"outcome": outcome}
