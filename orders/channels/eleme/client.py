"""One signed call to Ele.me's API, and what its error codes mean.

Source: PHP SDK `RpcClient` and `OAuthClient`. A reply is {id, result, error{code, message}} with HTTP 200.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlencode
from uuid import NAMESPACE_OID, uuid5

from orders.channels.calling import Access, Token
from orders.channels.eleme import wire
from orders.channels.eleme.values import text
from outbox.calling import Refused, Uncertain, Unreachable
from outbox.line import Line

API = "/api/v1"
JSON = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
EXCEEDED_WAIT = 5.0  # seconds; how long a limit lasts is not documented
MAX_REPLY = 4 * 1024 * 1024  # bytes; a page of fifty orders with every character escaped

# A refusal by the door, not about the matter of a call.
AT_THE_DOOR = frozenset({
    "ILLEGAL_REQUEST", "UNAUTHORIZED", "ACCESS_DENIED", "METHOD_NOT_ALLOWED", "PERMISSION_DENIED",
    "INVALID_SIGNATURE", "INVALID_TIMESTAMP", "VALIDATION_FAILED",
})  # fmt: skip

_line = Line(max_reply=MAX_REPLY)


def ask(
    access: Access,
    action: str,
    params: Mapping[str, Any],
    *,
    call_id: str,
    now: datetime,
    token: str | None = None,
) -> Any:
    """The `result` of one call, with numbers as text; `token` is the access's own unless given.

    One `call_id` gives each action the same id whenever it is asked. Raises CallFailed.
    """
    number = f"{uuid5(NAMESPACE_OID, f'{call_id}/{action}').hex.upper()}|{int(now.timestamp() * 1000)}"
    body = wire.call_body(
        call_id=number,
        action=action,
        token=access.token if token is None else token,
        app_key=access.app_key or access.app_id,
        secret=access.secret,
        timestamp=int(now.timestamp()),
        params=params,
    )
    headers = {"content-type": JSON, "x-eleme-requestid": number}
    return read_reply(_line.post(access.url, body, headers))


def read_reply(reply: bytes) -> Any:
    """The `result` of a reply; raises by what its error code means: CallFailed."""
    document = _object(reply)
    error = document.get("error")
    if not error:
        return document.get("result")
    fault = error if isinstance(error, dict) else {}
    code = text(fault.get("code"), 64)
    message = text(fault.get("message"), 150) or code or "no reason given"
    if code == "EXCEED_LIMIT":
        raise Unreachable(f"too many calls ({message})", wait=EXCEEDED_WAIT)
    if code == "SERVER_ERROR":
        raise Uncertain(message)
    raise Refused(message, code=code)


def _object(reply: bytes) -> dict[str, Any]:
    try:
        document = wire.read(reply.decode())
    except ValueError as error:
        raise Uncertain("the reply is not JSON") from error
    if not isinstance(document, dict):
        raise Uncertain("the reply is no object")
    return document


def fresh_token(access: Access, refresh: str) -> Token:
    """Get the next token: with the last one's `refresh`, or for the application itself if there is none."""
    grant = {"grant_type": "refresh_token", "refresh_token": refresh, "scope": "all"}
    if not refresh:
        grant = {"grant_type": "client_credentials"}
    known = b64encode(
        f"{quote_plus(access.app_key or access.app_id)}:{quote_plus(access.secret)}".encode()
    ).decode()
    headers = {"content-type": FORM, "authorization": f"Basic {known}"}
    address = access.url.rstrip("/").removesuffix(API) + "/token"
    return read_token(_line.post(address, urlencode(grant).encode(), headers), refresh)


def read_token(reply: bytes, refresh: str) -> Token:
    """The token of a reply; `refresh` goes on being used if no other comes. Raises Refused, Uncertain."""
    document = _object(reply)
    if error := text(document.get("error"), 64):
        raise Refused(text(document.get("error_description"), 150) or error, code=error)
    found, seconds = text(document.get("access_token"), 2_000), text(document.get("expires_in"), 12)
    if not found or not seconds.isdecimal():
        raise Uncertain("the reply holds no token")
    return Token(found, text(document.get("refresh_token"), 2_000) or refresh, int(seconds))


def is_about_the_matter(refusal: Refused) -> bool:
    """Whether the platform understood a call and said no: not at the door, and not with an HTTP status."""
    return refusal.code not in AT_THE_DOOR and not refusal.code.isdecimal()


def shop_number(store_code: str) -> int:
    """A shop's number as calls take it. Raises Refused for a code that is none."""
    if not (store_code.isascii() and store_code.isdecimal()):
        raise Refused(f"{store_code!r} is not the number of a shop")
    return int(store_code)
