"""Uber's doors: tokens for one account after another, and what its replies mean.

Source: the OAuth page and the error list of Uber Direct's OpenAPI description. A token is kept per account
and process until shortly before it ends; whoever needs a new one waits for the one who fetches it, but not
long, and nobody tries anew what has just failed.
"""

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from couriers.providers.base import Access
from couriers.providers.reading import credential, part, reply_object, text
from outbox.calling import CallFailed, Refused, Uncertain, Unreachable
from outbox.line import Line, Reply

TOKEN_URL = "https://login.uber.com/oauth/v2/token"  # noqa: S105 -- an address
SCOPE = "eats.deliveries"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SPARE = timedelta(minutes=2)  # how long before its end a token is no longer used
BUSY = frozenset({"couriers_busy", "robo_couriers_busy"})
BUSY_FOR = 5.0  # seconds, where Uber names none
UNSURE = frozenset({408})  # besides all of 5xx
# A token must not eat up the time in which the call itself has to be made.
WAIT = 2.0  # seconds for somebody else's token
FAILED_FOR = timedelta(seconds=3)  # from the beginning of what failed
TOKEN_LINE = Line(httpx.Timeout(2.0), total_seconds=3.0)


@dataclass(frozen=True, slots=True)
class Token:
    """What calls are made with until `until`."""

    text: str
    until: datetime


class Tokens:
    """The tokens of all accounts in this process."""

    def __init__(self, line: Line = TOKEN_LINE) -> None:
        self._line = line
        self._kept: dict[tuple[str, ...], Token] = {}
        self._failed: dict[tuple[str, ...], datetime] = {}
        self._locks: defaultdict[tuple[str, ...], threading.Lock] = defaultdict(threading.Lock)

    def get(self, access: Access, *, now: datetime, refused: str = "") -> str:
        """A token that is valid at `now` and is not the `refused` one. Raises Refused or Unreachable."""
        account = tuple(credential(access.credentials, name) for name in ("client_id", "client_secret"))
        key = (token_url(access), *account)
        lock = self._locks[key]
        if not lock.acquire(timeout=WAIT):
            raise Unreachable("Uber gives us no token in time")
        try:
            kept = self._kept.get(key)
            if kept is None or kept.until <= now or kept.text == refused:
                kept = self._kept[key] = self._fetch_unless_failed(key, now)
        finally:
            lock.release()
        return kept.text

    def _fetch_unless_failed(self, key: tuple[str, ...], now: datetime) -> Token:
        failed = self._failed.get(key)
        if failed is not None and abs(now - failed) < FAILED_FOR:
            raise Unreachable("Uber has just given us no token")
        try:
            return self._fetch(key, now)
        except Unreachable:
            self._failed[key] = now
            raise

    def _fetch(self, key: tuple[str, ...], now: datetime) -> Token:
        url, client_id, client_secret = key
        form = {
            "client_id": client_id,
            "client_secret": client_secret,
            "grant_type": "client_credentials",
            "scope": SCOPE,
        }
        try:
            return _read_token(reply_object(self._line.post(url, urlencode(form).encode(), FORM)), now)
        except Refused as refusal:
            raise Refused(f"Uber gives us no token ({refusal})", code=refusal.code) from refusal
        except Uncertain as error:
            raise Unreachable(f"Uber gives us no token ({error})") from error


def token_url(access: Access) -> str:
    """Where tokens are fetched: the credential `token_url`, or Uber's own address."""
    return access.credentials.get("token_url") or TOKEN_URL


def read_reply(reply: Reply) -> dict[str, Any]:
    """The object of a 2xx; raises Refused with Uber's code, Unreachable or Uncertain."""
    if reply.status < 300:
        return reply_object(reply.body)
    try:
        fault: Mapping[str, Any] = reply_object(reply.body)
    except Uncertain:
        fault = {}
    raise _failure(reply, text(fault.get("code"), 60), text(fault.get("message")))


def duplicate_of(reply: Reply) -> str:
    """The number of the delivery that exists already under our name; "" if the reply is not about that."""
    if reply.status != 409:
        return ""
    try:
        fault = reply_object(reply.body)
    except CallFailed:
        return ""
    found = text(part(fault, "metadata").get("delivery_id"), 64)
    return found if fault.get("code") == "duplicate_delivery" else ""


def _failure(reply: Reply, code: str, message: str) -> CallFailed:
    words = (message or f"HTTP {reply.status}") + (f" ({code})" if code else "")
    if reply.status == 429 or code in BUSY:
        return Unreachable(words, wait=reply.wait or BUSY_FOR)
    if reply.status >= 500 or reply.status in UNSURE:
        return Uncertain(words)
    return Refused(words, code=code or str(reply.status))


def _read_token(message: Mapping[str, Any], now: datetime) -> Token:
    token, seconds = text(message.get("access_token"), 5000), text(message.get("expires_in"), 9)
    if not token or not seconds.isdigit():
        raise Uncertain("the reply has no token")
    return Token(token, now + timedelta(seconds=int(seconds)) - SPARE)
