"""DoorDash Drive v2: a token with every call, one delivery a name, webhooks without a signature."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import doordash_wire as wire
from sandbox.brand import DoorDashAccount
from sandbox.callbacks import Post
from sandbox.courier import Courier, Street
from sandbox.doordash_wire import Refusal
from sandbox.errands import MERCHANT, Errand, Step, metres, price

QUOTE_LIVES = 300  # seconds
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Quote:
    """What was asked for and answered; good until `expires` (Unix seconds)."""

    account: str
    body: Body
    shown: Body
    expires: float


class DoorDash(Courier):
    """The courier company."""

    name = "doordash"
    path = (
        (Step.ASSIGNED, 4.0),
        (Step.AT_STORE, 11.0),
        (Step.PICKED_UP, 5.0),
        (Step.ON_THE_WAY, 1.0),
        (Step.AT_GUEST, 18.0),
        (Step.DELIVERED, 4.0),
    )
    words = wire.STATUS
    reasons = ("no_available_dashers", "dasher_cannot_complete_order")
    attempts = 3

    def __init__(self, accounts: tuple[DoorDashAccount, ...], street: Street) -> None:
        super().__init__(street)
        self.accounts: dict[str, DoorDashAccount] = {account.developer_id: account for account in accounts}
        self.quotes: dict[str, Quote] = {}

    def routes(self) -> list[Route]:
        """Return its addresses."""
        base = "/doordash/drive/v2"
        one = f"{base}/deliveries/{{id}}"
        return [
            Route(f"{base}/quotes", self._call("quote", self._quote), methods=["POST"]),
            Route(f"{base}/quotes/{{id}}/accept", self._call("create", self._accept), methods=["POST"]),
            Route(f"{base}/deliveries", self._call("create", self._create), methods=["POST"]),
            Route(one, self._call("query", self._read), methods=["GET"]),
            Route(f"{one}/cancel", self._call("cancel", self._cancel), methods=["PUT"]),
        ]

    def news(self, errand: Errand) -> list[Post]:
        """Only what has an event is told."""
        event = wire.EVENTS.get(errand.step)
        return [self._post(errand, event)] if event else []

    def lies(self, errand: Errand) -> list[Post]:
        """With another Authorization, with none, and with the right one to an address that is nobody's."""
        account = self.accounts[errand.account]
        done = wire.EVENTS[Step.DELIVERED]
        return [
            self._post(errand, done, authorization="Basic another", forged=True),
            self._post(errand, done, authorization="", forged=True),
            self._post(errand, done, url=account.callback_url.rstrip("/") + "x/", forged=True),
        ]

    def chatter(self, errand: Errand) -> list[Post]:
        """The rider carries another one too."""
        return [self._post(errand, "DELIVERY_BATCHED")]

    def _call(self, verb: str, do: Callable[[DoorDashAccount, Body, str], Body]) -> Callable[[Request], Any]:
        """An address: check the token, do the call, answer in DoorDash's words."""

        async def receive(request: Request) -> Response:
            name = request.path_params.get("id", "")
            try:
                account = self._open(request)
                body = await _body(request)
            except Refusal as refusal:
                return JSONResponse(refusal.body(), refusal.status)
            order, path = name or str(body.get("external_delivery_id", "")), f"{account.developer_id}/{verb}"
            return await self.serve(
                request, path, order, lambda: self._do(path, order, lambda: do(account, body, name))
            )

        return receive

    def _do(self, path: str, order: str, do: Callable[[], Body]) -> Response:
        try:
            if self.faults.take(self.name, {"limit"}, path=path, order=order):
                raise Refusal(429, "request_rate_limited", "Too many requests, please wait and try again")
            if self.faults.take(self.name, {"refuse"}, path=path, order=order):
                fields = {"dropoff_address": "Dropoff address not within service area"}
                raise Refusal(422, "validation_error", "The delivery is not possible", fields)
            return JSONResponse(do())
        except Refusal as refusal:
            return JSONResponse(refusal.body(), refusal.status)

    def _open(self, request: Request) -> DoorDashAccount:
        header = request.headers.get("authorization", "")
        account = self.accounts.get(wire.issuer(header))
        if account is None:
            raise wire.unauthorized("The JWT has a wrong aud, iss or kid")
        wire.check_token(header, account.developer_id, account.key_id, account.signing_secret, time.time())
        return account

    def _quote(self, account: DoorDashAccount, body: Body, name: str) -> Body:
        """A quote is asked for again under its name until it has become a delivery."""
        wire.check_delivery(body)
        origin, now = str(body["external_delivery_id"]), time.time()
        self._refuse_duplicate(origin)
        self._forget_quotes(now)
        self.quotes.pop(origin, None)
        priced = wire.delivery(_errand(account, origin, body, "quotes"), account.currency)
        shown = {**priced, "delivery_status": "quote"}
        self.quotes[origin] = Quote(account.developer_id, body, shown, now + QUOTE_LIVES)
        return shown

    def _forget_quotes(self, now: float) -> None:
        """Drop quotes an hour after their end: until then it is said that they have expired."""
        while self.quotes and next(iter(self.quotes.values())).expires + 3600 < now:
            del self.quotes[next(iter(self.quotes))]

    def _accept(self, account: DoorDashAccount, body: Body, name: str) -> Body:
        quote, now = self.quotes.get(name), time.time()
        self._refuse_duplicate(name)
        if quote is None or quote.account != account.developer_id:
            raise Refusal(404, "unknown_delivery_id", "There is no quote with this external_delivery_id")
        path = f"{account.developer_id}/create"
        if quote.expires < now or self.faults.take(self.name, {"expired_quote"}, path=path, order=name):
            raise Refusal(409, "quote_expired", "The quote has expired, please ask for another one")
        return self._begin(account, name, quote.body, "accept")

    def _create(self, account: DoorDashAccount, body: Body, name: str) -> Body:
        wire.check_delivery(body)
        origin = str(body["external_delivery_id"])
        self._refuse_duplicate(origin)
        return self._begin(account, origin, body, "deliveries")

    def _refuse_duplicate(self, origin: str) -> None:
        """A name is used once, whatever became of its delivery."""
        if known := self.book.find(origin):
            self.book.asked_again(known, "duplicate", time.time())
            fields = {"external_delivery_id": "Duplicate external delivery id"}
            raise Refusal(409, "duplicate_delivery_id", "Duplicate delivery ID", fields)

    def _begin(self, account: DoorDashAccount, origin: str, body: Body, call: str) -> Body:
        self.quotes.pop(origin, None)
        errand = _errand(account, origin, body, call)
        self.begin(errand, (origin,))
        return wire.delivery(errand, account.currency)

    def _read(self, account: DoorDashAccount, body: Body, name: str) -> Body:
        quote = self.quotes.get(name)
        if quote and quote.account == account.developer_id:
            return quote.shown
        return wire.delivery(self._named(account, name), account.currency)

    def _cancel(self, account: DoorDashAccount, body: Body, name: str) -> Body:
        errand = self._named(account, name)
        wire.check_cancel(errand)
        kept = self.cancel_fee(errand, 0.5)
        self.move(errand, Step.CANCELLED, reason="cancel_by_merchant", by=MERCHANT, kept=kept)
        return wire.delivery(errand, account.currency)

    def _named(self, account: DoorDashAccount, name: str) -> Errand:
        errand = self.book.find(name)
        if errand is None or errand.account != account.developer_id:
            raise Refusal(404, "unknown_delivery_id", f"Delivery with ID {name} not found")
        return errand

    def _post(
        self,
        errand: Errand,
        event: str,
        *,
        authorization: str | None = None,
        url: str = "",
        forged: bool = False,
    ) -> Post:
        account = self.accounts[errand.account]
        secret = account.webhook_authorization if authorization is None else authorization
        headers = {"content-type": "application/json", **({"authorization": secret} if secret else {})}
        body = wire.webhook(errand, account.currency, event, time.time())
        return Post(url or account.callback_url, body, headers, forged)


def _errand(account: DoorDashAccount, origin: str, body: Body, call: str) -> Errand:
    """An errand to confirm: about 7.00, and 1.20 for every kilometre, of the account's currency."""
    distance = metres(body["dropoff_address"])
    return Errand(
        account=account.developer_id,
        origin=origin,
        number=f"{secrets.randbelow(9 * 10**9) + 10**9}",
        fee=price(700, 120, distance, "doordash", body["dropoff_address"]),
        distance=distance,
        created_at=time.time(),
        call=call,
        mark=str(body.get("pickup_reference_tag") or ""),
        store=str(body.get("pickup_external_store_id") or ""),
        facts={name: body[name] for name in wire.KEPT if body.get(name)},
    )


async def _body(request: Request) -> Body:
    raw = await request.body()
    try:
        found = json.loads(raw) if raw else {}
    except ValueError:
        raise Refusal(400, "validation_error", "The body is not JSON") from None
    if not isinstance(found, dict):
        raise Refusal(400, "validation_error", "The body is not an object")
    return found
