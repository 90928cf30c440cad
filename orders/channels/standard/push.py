"""Channel `standard`, incoming: verify, parse, answer (pure).

Source: the Standard Webhooks 1.0.0 specification; headers `webhook-id`, `webhook-timestamp`,
`webhook-signature`, five minutes of tolerance, several signatures and secrets during a rotation.
"""

import binascii
import hashlib
import logging
import re
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from orders.channels.incoming import (
    IncomingLine,
    Keys,
    Message,
    Placed,
    Proof,
    Rejected,
    Request,
    Standing,
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

METHODS = frozenset({"POST"})
KINDS: frozenset[str] = frozenset()
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")
logger = logging.getLogger(__name__)

ID_FORM = re.compile(r"[\x21-\x7e]{1,128}")
NO_AMOUNTS = dict.fromkeys(("delivery_fee", "platform_subsidy", "shop_subsidy", "shop_income"), 0)
ENVELOPE: TypeAdapter[Envelope] = TypeAdapter(Envelope)
CREATED: TypeAdapter[Created] = TypeAdapter(Created)
CANCELLED: TypeAdapter[Cancelled] = TypeAdapter(Cancelled)
URGED: TypeAdapter[UrgedOrder] = TypeAdapter(UrgedOrder)


def is_ping(request: Request) -> bool:
    """The specification knows no trying of addresses."""
    return False


def verify(*, keys: Keys, request: Request) -> Proof:
    """Check the signature over the raw body with any of the secrets.

    Raises Rejected(400) for missing or malformed headers, Rejected(401) for a wrong signature or a
    time more than five minutes off.
    """
    headers, body = request.headers, request.body
    delivery_id = headers.get("webhook-id", "")
    if not ID_FORM.fullmatch(delivery_id):
        raise Rejected(400, "webhook-id must be 1 to 128 printable characters.")
    for name in ("webhook-timestamp", "webhook-signature"):
        if not headers.get(name):
            raise Rejected(400, f"{name} is missing.")
    signed = {name: headers[name] for name in SIGNED}
    for place, secret in enumerate(keys.secrets):
        if _matches(secret, signed, body):
            return Proof(delivery_id, "", body.decode(), hashlib.sha256(body).hexdigest(), place)
    raise Rejected(401, "The signature does not match, or its time is more than five minutes off.")


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


def parse(*, kind: str, raw: str) -> Message:
    """Turn a verified body into the one message form; its kind is in it. Raises Rejected(400) saying what is
    wrong."""
    try:
        document = from_json(raw, allow_inf_nan=False)
        said = document.get("type") if isinstance(document, dict) else None
        return _message(said, document)
    except ValidationError as error:
        raise Rejected(400, _first_fault(error)) from error
    except ValueError as error:
        raise Rejected(400, f"Not JSON: {error}") from error


def _message(kind: Any, document: Any) -> Message:
    match kind:
        case "order.created":
            order = CREATED.validate_python(document)["data"]
            return Message(kind, order["order_id"], order["store_code"], _placed(order))
        case "order.cancelled":
            told = CANCELLED.validate_python(document)
            cancel = told["data"]
            content = Standing(
                "cancelled", told["timestamp"], cancel.get("reason") or "", cancel.get("by") or "platform"
            )
            return Message(kind, cancel["order_id"], cancel["store_code"], content)
        case "order.urged":
            said = URGED.validate_python(document)
            urge = said["data"]
            return Message(kind, urge["order_id"], urge["store_code"], Urged(at=said["timestamp"]))
        case _:
            unknown = ENVELOPE.validate_python(document)
            return Message(unknown["type"], external_id="", store_code="")


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


def answer(outcome: str) -> tuple[int, dict[str, Any]]:
    """200 once it is stored, 409 for the same id with another body."""
    return (409 if outcome == "conflict" else 200), {"outcome": outcome}


def refusal(status: int, detail: str) -> tuple[int, dict[str, Any]]:
    """What is wrong, in a sentence."""
    return status, {"error": detail}
