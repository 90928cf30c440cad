"""One signed call to Meituan, and what its answer means.

Source: the open platform's pages on calls and on error codes. Our id and the time go in the query, the rest
in the query of a GET or the form of a POST. An answer is {"data": …} or {"data": "ng", "error": {"code",
"msg"}}, with newer calls {"result_code", "error_list"}.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from pydantic_core import from_json

from orders.channels.calling import Access
from orders.channels.meituan.wire import SIGNATURE, sign
from outbox.calling import Refused, Uncertain, Unreachable
from outbox.line import Line

STATE_CHANGED = "808"
ENDED_ALREADY = "1022"
UNKNOWN_ORDER = "806"
NO_PERMISSION = "708"
NOT_DELIVERED_BY_MEITUAN = "1005"
STORE_IS_MEITUANS = frozenset({"809", "1027"})
TOO_MANY_CALLS = "711"
SYSTEM_FAULT = "700"
FAILED = frozenset({"2", "3", "4"})
WAIT = 5.0  # seconds; Meituan does not say for how long it turns calls away
FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}

_line = Line()


def get(access: Access, path: str, now: datetime, **business: str) -> Any:
    """GET `path` below the account's address and return the answer's `data`.

    Raises Refused with Meituan's code, Unreachable when it turns calls away, Uncertain when it has a fault.
    """
    url, system = _envelope(access, path, now)
    fields = {**system, **business}
    signed = {**fields, SIGNATURE: sign(url, fields, access.secret)}
    return read_answer(_line.get(f"{url}?{urlencode(signed)}"))


def post(access: Access, path: str, now: datetime, **business: str) -> Any:
    """POST to `path` below the account's address; returns and raises like `get`."""
    url, system = _envelope(access, path, now)
    signed = {**system, SIGNATURE: sign(url, {**system, **business}, access.secret)}
    return read_answer(_line.post(f"{url}?{urlencode(signed)}", urlencode(business).encode(), FORM))


def read_answer(reply: bytes) -> Any:
    """The `data` of an answer; raises like `get`."""
    try:
        answer = from_json(reply)
    except ValueError as error:
        raise Uncertain("the answer is not JSON") from error
    if not isinstance(answer, dict):
        raise Uncertain("the answer is not an object")
    if (fault := _fault(answer)) is not None:
        _raise(str(fault.get("code", "")), str(fault.get("msg") or "no reason given"))
    return answer.get("data")


def _envelope(access: Access, path: str, now: datetime) -> tuple[str, dict[str, str]]:
    system = {"app_id": access.app_id, "timestamp": str(int(now.timestamp()))}
    if access.token:
        system["access_token"] = access.token
    return f"{access.url.rstrip('/')}/{path}", system


def _fault(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What went wrong; None if nothing did. A call about one thing that failed in part has failed."""
    errors = [answer.get("error"), *_listed(answer.get("error_list"))]
    failed = answer.get("data") == "ng" or str(answer.get("result_code", "")) in FAILED
    first = next((error for error in errors if isinstance(error, dict) and error), None)
    return (first or {}) if failed or first else None


def _listed(errors: Any) -> list[Any]:
    return errors if isinstance(errors, list) else []


def _raise(code: str, message: str) -> None:
    if code == TOO_MANY_CALLS:
        raise Unreachable("Meituan takes no more calls for now (711)", wait=WAIT)
    if code == SYSTEM_FAULT:
        raise Uncertain(f"Meituan has a fault of its own (700): {message}"[:200])
    if code in STORE_IS_MEITUANS:
        raise Refused(
            "Meituan or head office has closed this store there; only they can open it again.", code=code
        )
    raise Refused(f"{message} ({code})"[:200], code=code)
