"""Uber Direct: OAuth tokens, quotes good for one delivery, signed events to one address an account."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import uber_wire as wire
from sandbox.brand import UberAccount
from sandbox.callbacks import Post
from sandbox.courier import Courier, Street
from sandbox.errands import BEFORE_PICK_UP, MERCHANT, Errand, Step, price
from sandbox.uber_wire import Refusal

QUOTE_LIVES, KEY_LIVES, TOKEN_LIVES = 900, 3600, 2_592_000  # seconds
SCOPE = "eats.deliveries"
Body = dict[str, Any]


@dataclass(slots=True)
class Quote:
    """A price for an address, until `expires` (Unix seconds)."""

    account: str
    address: str
    fee: int
    expires: float
    used: bool = False


class Uber(Courier):
    """The courier company."""

    name = "uber"
    path = (
        (Step.ASSIGNED, 3.0),
        (Step.AT_STORE, 9.0),
        (Step.PICKED_UP, 5.0),
        (Step.ON_THE_WAY, 1.0),
        (Step.AT_GUEST, 14.0),
        (Step.DELIVERED, 4.0),
    )
    words = wire.STATUS
    reasons = ("no couriers available", "courier canceled")
    attempts = 7

    def __init__(self, accounts: tuple[UberAccount, ...], street: Street) -> None:
        super().__init__(street)
        self.accounts: dict[str, UberAccount] = {account.customer_id: account for account in accounts}
        self.quotes: dict[str, Quote] = {}
        self.tokens: dict[str, tuple[str, float]] = {}  # to customer and end

    def routes(self) -> list[Route]:
        """Return its addresses."""
        base = "/uber/v1/customers/{customer}"
        one = f"{base}/deliveries/{{id}}"
        return [
            Route("/uber/oauth/v2/token", self.give_token, methods=["POST"]),
            Route(f"{base}/delivery_quotes", self._call("quote", self._quote), methods=["POST"]),
            Route(f"{base}/deliveries", self._call("create", self._create), methods=["POST"]),
            Route(f"{base}/deliveries", self._call("list", self._list), methods=["GET"]),
            Route(one, self._call("query", self._read), methods=["GET"]),
            Route(f"{one}/cancel", self._call("cancel", self._cancel), methods=["POST"]),
        ]

    async def give_token(self, request: Request) -> Response:
        """POST /uber/oauth/v2/token with a form."""
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        named = (form.get("client_id"), form.get("client_secret"))
        account = next((a for a in self.accounts.values() if (a.client_id, a.client_secret) == named), None)
        wanted = (form.get("grant_type"), form.get("scope")) == ("client_credentials", SCOPE)

        def do() -> Response:
            if account is None:
                return JSONResponse({"error": "invalid_client", "error_description": "Unknown client"}, 401)
            if not wanted:
                return JSONResponse({"error": "invalid_scope", "error_description": "Wrong scope"}, 400)
            token = secrets.token_urlsafe(32)
            self.tokens[token] = (account.customer_id, time.time() + TOKEN_LIVES)
            kind = {"token_type": "Bearer", "expires_in": TOKEN_LIVES, "scope": SCOPE}
            return JSONResponse({"access_token": token, **kind})

        return await self.serve(request, f"{account.customer_id if account else ''}/token", "", do)

    def news(self, errand: Errand) -> list[Post]:
        """Every change of status or imminence; a return trip has events of its own."""
        account = self.accounts[errand.account]
        told = [wire.delivery(errand, account.currency)]
        if errand.step == Step.RETURNING:
            told = [wire.return_trip(errand, account.currency)]
        elif errand.step == Step.RETURNED:
            told.insert(0, wire.return_trip(errand, account.currency))
        return [self._post(account, data) for data in told]

    def lies(self, errand: Errand) -> list[Post]:
        """Signed with another key, unsigned, and rightly signed to an address that is nobody's."""
        account = self.accounts[errand.account]
        data = {**wire.delivery(errand, account.currency), "status": "delivered", "complete": True}
        unsigned = Post(account.callback_url, wire.event(data, account.customer_id, time.time()), _JSON, True)
        return [
            self._post(account, data, key="another", forged=True),
            unsigned,
            self._post(account, data, url=account.callback_url.rstrip("/") + "x/", forged=True),
        ]

    def chatter(self, errand: Errand) -> list[Post]:
        """Where the courier is."""
        account = self.accounts[errand.account]
        data = wire.delivery(errand, account.currency)
        body = wire.event(data, account.customer_id, time.time(), kind="courier_update")
        return [self._sealed(account, body)]

    def _call(self, verb: str, do: Callable[[UberAccount, Body, str], Any]) -> Callable[[Request], Any]:
        """An address: check the token, do the call, answer in Uber's words."""

        async def receive(request: Request) -> Response:
            customer, number = request.path_params["customer"], request.path_params.get("id", "")
            path = f"{customer}/{verb}"
            try:
                account = self._open(request, customer, path)
                body = await _body(request)
            except Refusal as refusal:
                return JSONResponse(refusal.body(), refusal.status)
            known = self.book.find(number)
            order = str(body.get("external_id") or (known.origin if known else ""))
            return await self.serve(
                request, path, order, lambda: self._do(path, order, lambda: do(account, body, number))
            )

        return receive

    def _do(self, path: str, order: str, do: Callable[[], Any]) -> Response:
        try:
            if self.faults.take(self.name, {"limit"}, path=path, order=order):
                raise Refusal(429, "customer_limited", "Your account's limits have been exceeded.")
            if self.faults.take(self.name, {"busy"}, path=path, order=order):
                raise Refusal(503, "couriers_busy", "All of our couriers are currently busy.")
            if self.faults.take(self.name, {"refuse"}, path=path, order=order):
                raise Refusal(400, "address_undeliverable", "The specified location is not deliverable.")
            return JSONResponse(do())
        except Refusal as refusal:
            return JSONResponse(refusal.body(), refusal.status)

    def _open(self, request: Request, customer: str, path: str) -> UberAccount:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        owner, end = self.tokens.get(token, ("", 0.0))
        if self.faults.take(self.name, {"expired_token"}, path=path):
            self.tokens.pop(token, None)
            owner = ""
        if scheme != "Bearer" or not owner or end < time.time():
            raise Refusal(401, "unauthorized", "Unauthorized")
        if owner != customer:
            raise Refusal(404, "customer_not_found", "Customer does not exist.")
        return self.accounts[customer]

    def _quote(self, account: UberAccount, body: Body, number: str) -> Body:
        now = time.time()
        wire.check_addresses(body)
        wire.check_windows(body, datetime.fromtimestamp(now, UTC))
        distance = wire.distance_of(body)
        fee, name = _fee(distance, body), f"dqt_{secrets.token_urlsafe(16)}"
        self._forget_quotes(now)
        self.quotes[name] = Quote(account.customer_id, body["dropoff_address"], fee, now + QUOTE_LIVES)
        minutes = 15 + round(distance / 240)
        return {
            "kind": "delivery_quote",
            "id": name,
            "created": wire.stamp(now),
            "expires": wire.stamp(now + QUOTE_LIVES),
            "fee": fee,
            "currency": account.currency.lower(),
            "currency_type": account.currency.upper(),
            "dropoff_eta": wire.stamp(now + minutes * 60),
            "duration": minutes,
            "pickup_duration": 15,
            "dropoff_deadline": wire.stamp(now + 3600),
        }

    def _forget_quotes(self, now: float) -> None:
        """Drop quotes an hour after their end: until then it is said that they have expired."""
        while self.quotes and next(iter(self.quotes.values())).expires + 3600 < now:
            del self.quotes[next(iter(self.quotes))]

    def _create(self, account: UberAccount, body: Body, number: str) -> Body:
        wire.check_delivery(body)
        now = time.time()
        key, origin = str(body.get("idempotency_key") or ""), str(body.get("external_id") or "")
        same = self.book.find(f"key:{key}") if key else None
        if same and same.account == account.customer_id and now - same.created_at < KEY_LIVES:
            self.book.asked_again(same, "deliveries", now)
            return wire.delivery(same, account.currency)
        alike = self.book.find(origin) if origin else None
        if alike and alike.live and alike.account == account.customer_id:
            words = "An active delivery like this already exists."
            raise Refusal(409, "duplicate_delivery", words, delivery_id=alike.number)
        wire.check_windows(body, datetime.fromtimestamp(now, UTC))
        errand = self._errand(account, body, now)
        names = [errand.number, *([origin] if origin else []), *([f"key:{key}"] if key else [])]
        self.begin(errand, names)
        return wire.delivery(errand, account.currency)

    def _errand(self, account: UberAccount, body: Body, now: float) -> Errand:
        distance = wire.distance_of(body)
        fee = self._take_quote(account, body, now) if body.get("quote_id") else _fee(distance, body)
        ends = {
            end: {
                "name": body[f"{end}_name"],
                "address": body[f"{end}_address"],
                "phone_number": body[f"{end}_phone_number"],
            }
            for end in wire.ENDS
        }
        return Errand(
            account=account.customer_id,
            origin=str(body.get("external_id") or ""),
            number=f"del_{secrets.token_urlsafe(16)}",
            fee=fee,
            distance=distance,
            created_at=now,
            call="deliveries",
            mark=str(body.get("manifest_reference") or ""),
            store=str(body.get("external_store_id") or ""),
            facts={**ends, "quote_id": body.get("quote_id"), "value": body.get("manifest_total_value", 0)},
        )

    def _take_quote(self, account: UberAccount, body: Body, now: float) -> int:
        quote = self.quotes.get(str(body["quote_id"]))
        path, order = f"{account.customer_id}/create", str(body.get("external_id") or "")
        if quote is None or quote.account != account.customer_id:
            raise invalid_quote()
        if quote.expires < now or self.faults.take(self.name, {"expired_quote"}, path=path, order=order):
            raise Refusal(400, "expired_quote", "The price quote specified has expired.")
        if quote.used:
            raise Refusal(400, "used_quote", "The price quote specified has already been used.")
        if quote.address != body["dropoff_address"]:
            raise Refusal(400, "mismatched_price_quote", "The quote was for other addresses.")
        quote.used = True
        return quote.fee

    def _list(self, account: UberAccount, body: Body, number: str) -> Body:
        """Newest first; `filter` is a status, `limit` at most 100."""
        wanted, start, limit = (str(body.get(name, "")) for name in ("filter", "offset", "limit"))
        if not (start or "0").isdecimal() or not (limit or "0").isdecimal():
            raise wire.invalid(limit="and offset must be numbers")
        first, most = int(start or 0), min(int(limit or 20), 100)
        mine = (
            errand
            for errand in reversed(self.book.all)
            if errand.account == account.customer_id and wanted in {"", wire.STATUS[errand.step]}
        )
        data = [wire.delivery(errand, account.currency) for errand in islice(mine, first, first + most)]
        return {"object": "list", "data": data, "url": f"/v1/customers/{account.customer_id}/deliveries"}

    def _read(self, account: UberAccount, body: Body, number: str) -> Body:
        errand = self._named(account, number)
        show = wire.return_trip if number.startswith("ret_") else wire.delivery
        return show(errand, account.currency)

    def _cancel(self, account: UberAccount, body: Body, number: str) -> Body:
        errand = self._named(account, number)
        if errand.step not in BEFORE_PICK_UP:
            raise Refusal(400, "noncancelable_delivery", "This delivery can not be canceled.")
        kept = self.cancel_fee(errand, 0.5)
        self.move(errand, Step.CANCELLED, reason="merchant canceled", by=MERCHANT, kept=kept)
        return wire.delivery(errand, account.currency)

    def _named(self, account: UberAccount, number: str) -> Errand:
        errand = self.book.find(number.replace("ret_", "del_", 1))
        known = errand and number in {errand.number, wire.return_id(errand)}
        if errand is None or not known or errand.account != account.customer_id:
            raise Refusal(404, "delivery_not_found", "The requested delivery does not exist.")
        return errand

    def _post(
        self, account: UberAccount, data: Body, *, key: str = "", url: str = "", forged: bool = False
    ) -> Post:
        body = wire.event(data, account.customer_id, time.time())
        return self._sealed(account, body, key=key, url=url, forged=forged)

    def _sealed(
        self, account: UberAccount, body: bytes, *, key: str = "", url: str = "", forged: bool = False
    ) -> Post:
        signed = wire.signature(key or account.webhook_key, body)
        headers = {**_JSON, "x-uber-signature": signed, "x-postmates-signature": signed}
        return Post(url or account.callback_url, body, headers, forged)


def invalid_quote() -> Refusal:
    """A quote that is not known."""
    return wire.invalid(quote_id="is not a quote of this customer")


def _fee(distance: int, body: Body) -> int:
    """About 6.50, and 1.40 for every kilometre, of the account's currency."""
    return price(650, 140, distance, "uber", body["dropoff_address"])


async def _body(request: Request) -> Body:
    if request.method == "GET":
        return dict(request.query_params)
    raw = await request.body()
    try:
        found = json.loads(raw) if raw else {}
    except ValueError:
        raise wire.invalid(body="is not JSON") from None
    if not isinstance(found, dict):
        raise wire.invalid(body="is not an object")
    return found


_JSON = {"content-type": "application/json"}
