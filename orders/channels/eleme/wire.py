"""NOP 1.0.0 on the wire: its JSON, and its signatures in both directions (pure).

Source: the official SDKs (Java `CallbackValidationUtil` and `SignatureUtil`, PHP `RpcClient`).
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from hashlib import md5
from typing import Any

# What a push's signature covers, in the order it covers them.
SIGNED = ("appId", "message", "requestId", "shopId", "timestamp", "type", "userId")
# Nothing stands between the values that are signed: that these are numbers keeps the end of one from passing
# for the beginning of the next.
NUMBERS = frozenset({"appId", "shopId", "timestamp", "type", "userId"})
NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)


def _no_number(text: str) -> str:
    raise ValueError(f"{text} is no JSON number")


# Numbers stay the text they came as: that is what is signed, and ids are larger than a float is exact.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_number)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
encode = _ENCODER.encode


def read(text: str) -> Any:
    """JSON with every number as its text. Raises ValueError, for nesting without end too."""
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def signed_part(envelope: Mapping[str, Any]) -> bytes:
    """What the signature of a push covers, but for the secret. Raises ValueError for a value it cannot be.

    A missing value counts as the word null, and half of a surrogate pair as "?", as in Java.
    """
    return "".join([f"{name}={_value(envelope.get(name), name)}" for name in SIGNED]).encode(errors="replace")


def _value(value: Any, name: str) -> str:
    if value is None:
        return "null"
    if not isinstance(value, str) or (name in NUMBERS and not NUMBER.fullmatch(value)):
        raise ValueError(f"{name} is not of its form.")
    return value


def fitting(secrets: Sequence[str], signed: bytes, signature: str) -> int | None:
    """The place of the secret a push was signed with; None if none of them fits."""
    base = md5(signed, usedforsecurity=False)  # their protocol's choice; FIPS builds of Python refuse it else
    given = signature.upper().encode(errors="replace")
    for place, secret in enumerate(secrets):
        digest = base.copy()
        digest.update(secret.encode())
        if hmac.compare_digest(digest.hexdigest().upper().encode(), given):
            return place
    return None


def call_body(
    *,
    call_id: str,
    action: str,
    token: str,
    app_key: str,
    secret: str,
    timestamp: int,
    params: Mapping[str, Any],
) -> bytes:
    """A signed call as the bytes to send; every value is encoded once, so what is signed is what is sent."""
    metas = {"app_key": encode(app_key), "timestamp": encode(timestamp)}
    texts = {name: encode(value) for name, value in params.items()}
    signature = sign_call(action=action, token=token, secret=secret, texts={**metas, **texts})
    fields = {
        "nop": encode("1.0.0"),
        "id": encode(call_id),
        "metas": _object(metas),
        "action": encode(action),
        "token": encode(token),
        "params": _object(texts),
        "signature": encode(signature),
    }
    return _object(fields).encode()


def sign_call(*, action: str, token: str, secret: str, texts: Mapping[str, str]) -> str:
    """The signature over the JSON texts of metas and parameters."""
    joined = "".join([f"{name}={texts[name]}" for name in sorted(texts)])
    return md5(f"{action}{token}{joined}{secret}".encode(), usedforsecurity=False).hexdigest().upper()


def _object(texts: Mapping[str, str]) -> str:
    return "{" + ",".join([f"{encode(name)}:{text}" for name, text in texts.items()]) + "}"
