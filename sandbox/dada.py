"""Dada: a signed envelope in, HTTP 200 with a code out; callbacks to each errand's own address."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import dada_wire as wire
from sandbox.brand import DadaAccount
from sandbox.callbacks import Post
from sandbox.courier import Courier, Street
from sandbox.dada_wire import Refusal
from sandbox.errands import BEFORE_PICK_UP, COURIER, MERCHANT, RIDER, Errand, Step, metres, price

CITIES = [
    {"cityName": "上海", "cityCode": "021"},
    {"cityName": "杭州", "cityCode": "0571"},
    {"cityName": "成都", "cityCode": "028"},
]
QUOTE_LIVES = 180  # seconds
DEDUCTION = 200  # fen kept when it is cancelled late
NO_TIME = "配送员有事无法配送"
VERBS = {
    "queryDeliverFee": "quote",
    "addAfterQuery": "create",
    "addOrder": "create",
    "reAddOrder": "create",
    "formalCancel": "cancel",
    "status/query": "query",
}


@dataclass(frozen=True, slots=True)
class Quote:
    """A price that can be taken once, until `expires` (Unix seconds)."""

    source_id: str
    body: dict[str, Any]
    expires: float


class Dada(Courier):
    """The courier company."""

    name = "dada"
    path = (
        (Step.ASSIGNED, 4.0),
        (Step.AT_STORE, 12.0),
        (Step.PICKED_UP, 6.0),
        (Step.DELIVERED, 25.0),
    )
    words = wire.STATUS
    reasons = ("没有配送员接单", "配送员取消订单")

    def __init__(self, accounts: tuple[DadaAccount, ...], street: Street) -> None:
        super().__init__(street)
        self.accounts: dict[str, DadaAccount] = {account.app_key: account for account in accounts}
        self.quotes: dict[str, Quote] = {}
        self._wishes: dict[str, asyncio.Future[bool]] = {}  # riders that asked to be let off
        self._calls: dict[str, Callable[[DadaAccount, dict[str, Any]], Any]] = {
            "/api/order/queryDeliverFee": self._quote,
            "/api/order/addAfterQuery": self._add_quoted,
            "/api/order/addOrder": self._add,
            "/api/order/reAddOrder": self._add_again,
            "/api/order/formalCancel": self._cancel,
            "/api/order/cancel/reasons": lambda account, body: wire.CANCEL_REASONS,
            "/api/order/status/query": lambda account, body: wire.status_of(self._named(account, body)),
            "/api/order/confirm/goods": self._qa(Step.RETURNED, frozenset({Step.RETURNING})),
            "/api/message/confirm": self._answer_rider,
            "/api/cityCode/list": lambda account, body: CITIES,
            "/api/order/accept": self._qa(Step.ASSIGNED),
            "/api/order/fetch": self._qa(Step.PICKED_UP),
            "/api/order/finish": self._qa(Step.DELIVERED),
            "/api/order/cancel": self._qa(Step.CANCELLED),
            "/api/order/expire": self._qa(Step.EXPIRED),
        }

    def routes(self) -> list[Route]:
        """Return its addresses."""
        return [Route("/dada/{path:path}", self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """POST /dada/api/…: check the envelope, do the call, answer in Dada's words."""
        path = "/" + request.path_params["path"]
        try:
            account, body = self._open(await request.body())
        except Refusal as refusal:
            return JSONResponse(wire.failure(refusal))
        order = str(body.get("origin_id") or body.get("order_id") or "")
        verb = VERBS.get(path.removeprefix("/api/order/"), "other")
        fault_path = f"{account.source_id}/{verb} {path}"
        return await self.serve(request, fault_path, order, lambda: self._do(path, fault_path, account, body))

    def news(self, errand: Errand) -> list[Post]:
        """Tell the address that came with the errand."""
        return [self._post(errand, wire.callback(errand, wire.STATUS[errand.step], time.time()))]

    def lies(self, errand: Errand) -> list[Post]:
        """The checksum has no secret: to a wrong address, with a wrong number, and with everything right."""
        now = time.time()
        done = wire.callback(errand, wire.DONE, now)
        elsewhere = errand.facts["callback"].rstrip("/") + "x/"
        return [
            self._post(errand, done, url=elsewhere, forged=True),
            self._post(errand, wire.callback(errand, wire.DONE, now, client_id="1"), forged=True),
            self._post(errand, done, forged=True),
        ]

    async def detour(self, errand: Errand) -> None:
        """A rider may ask to be let off: the merchant's answer decides, or silence."""
        fault = self.take("rider_cancels", errand) if errand.step in BEFORE_PICK_UP else None
        if fault is None:
            return
        wish = self._wishes[errand.origin] = asyncio.get_running_loop().create_future()
        self.push(errand, [self._post(errand, wire.cancel_message(errand, NO_TIME))])
        try:
            agreed = await asyncio.wait_for(wish, fault.seconds)
        except TimeoutError:
            agreed = True
        self._wishes.pop(errand.origin, None)
        if agreed and errand.live:
            self.move(errand, Step.CANCELLED, reason=NO_TIME, by=RIDER)

    def _open(self, raw: bytes) -> tuple[DadaAccount, dict[str, Any]]:
        envelope = wire.read_envelope(raw)
        account = self.accounts.get(str(envelope["app_key"]))
        if account is None:
            raise Refusal(wire.APP_KEY_INVALID, "app_key无效")
        if str(envelope["source_id"]) != account.source_id:
            raise Refusal(wire.SOURCE_UNBOUND, "source_id未绑定")
        if envelope["signature"] != wire.sign(account.app_secret, envelope):
            raise Refusal(wire.WRONG_SIGNATURE, "签名错误")
        return account, wire.read_business(envelope)

    def _do(self, path: str, fault_path: str, account: DadaAccount, body: dict[str, Any]) -> Response:
        call = self._calls.get(path)
        order = str(body.get("origin_id") or body.get("order_id") or "")
        try:
            if call is None:
                raise Refusal(wire.UNREADABLE, "接口不存在")
            if self.faults.take(self.name, {"refuse"}, path=fault_path, order=order):
                raise Refusal(wire.BUSY, "运力紧张，暂不接单")
            return JSONResponse(wire.success(call(account, body)))
        except Refusal as refusal:
            return JSONResponse(wire.failure(refusal))

    def _quote(self, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        self._check(account, body)
        errand = _errand(account, body, "queryDeliverFee")
        expires = errand.created_at + QUOTE_LIVES
        self._forget_quotes(errand.created_at)
        self.quotes[errand.number] = Quote(account.source_id, body, expires)
        return {**wire.price(errand), "deliveryNo": errand.number, "expiredTime": int(expires)}

    def _forget_quotes(self, now: float) -> None:
        """Drop quotes nobody took, oldest first."""
        while self.quotes and next(iter(self.quotes.values())).expires < now:
            del self.quotes[next(iter(self.quotes))]

    def _add_quoted(self, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        number = str(body.get("deliveryNo", ""))
        quote, known = self.quotes.get(number), self.book.find(number)
        if known and known.account == account.source_id and known.live:
            self.book.asked_again(known, "addAfterQuery", time.time())
            return wire.price(known)
        stale = quote is None or quote.source_id != account.source_id or quote.expires < time.time()
        asked = quote.body["origin_id"] if quote else ""
        path = f"{account.source_id}/create"
        if quote is None or stale or self.faults.take(self.name, {"expired_quote"}, path=path, order=asked):
            raise Refusal(wire.QUOTE_GONE, "询价单不存在或已过期")
        del self.quotes[number]
        return self._create(account, quote.body, "addAfterQuery", number)

    def _add(self, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        self._check(account, body)
        return self._create(account, body, "addOrder")

    def _add_again(self, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        self._check(account, body)
        old = self._named(account, {"order_id": body["origin_id"]})
        if old.live or old.step == Step.DELIVERED:
            raise Refusal(wire.LIVE_ORDER, "订单进行中，不能重发")
        return self._begin(_errand(account, body, "reAddOrder", round_=old.round + 1))

    def _create(
        self, account: DadaAccount, body: dict[str, Any], call: str, number: str = ""
    ) -> dict[str, Any]:
        """Create an errand once: asked again, Dada answers with the one it has."""
        known = self.book.find(str(body["origin_id"]))
        if known is None:
            return self._begin(_errand(account, body, call, number))
        if not known.live:
            raise Refusal(wire.ENDED_ORDER, "订单已结束，请使用重发接口")
        self.book.asked_again(known, call, time.time())
        return wire.price(known)

    def _begin(self, errand: Errand) -> dict[str, Any]:
        self.begin(errand, (errand.origin, errand.number))
        return wire.price(errand)

    def _cancel(self, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        errand = self._named(account, body)
        if not body.get("cancel_reason_id"):
            raise Refusal(wire.UNREADABLE, "缺少参数: cancel_reason_id")
        if errand.step not in BEFORE_PICK_UP:
            raise Refusal(wire.TOO_LATE, f"订单{wire.MESSAGES[wire.STATUS[errand.step]]}，不能取消")
        kept = DEDUCTION if self.cancel_fee(errand, 1) else 0
        self.move(errand, Step.CANCELLED, reason=str(body.get("cancel_reason", "")), by=MERCHANT, kept=kept)
        return {"deduct_fee": kept / 100}

    def _answer_rider(self, account: DadaAccount, body: dict[str, Any]) -> None:
        """The merchant lets a rider off (isConfirm 1) or does not."""
        inner = body.get("messageBody")
        told = json.loads(inner) if isinstance(inner, str) else inner
        if body.get("messageType") != wire.RIDER_CANCELS or not isinstance(told, dict):
            raise Refusal(wire.UNREADABLE, "messageType或messageBody有误")
        errand = self._named(account, {"order_id": told.get("orderId")})
        wish = self._wishes.get(errand.origin)
        if wish is None or wish.done():
            raise Refusal(wire.ORDER_NOT_FOUND, "没有待确认的取消消息")
        wish.set_result(str(told.get("isConfirm")) == "1")

    def _qa(
        self, step: Step, where: frozenset[Step] | None = None
    ) -> Callable[[DadaAccount, dict[str, Any]], None]:
        """The test system's calls that play the rider; and the one that takes goods back."""

        def call(account: DadaAccount, body: dict[str, Any]) -> None:
            errand = self._named(account, body)
            if not errand.live or (where and errand.step not in where):
                raise Refusal(wire.TOO_LATE, f"订单{wire.MESSAGES[wire.STATUS[errand.step]]}")
            reason = str(body.get("reason", "")) if step == Step.CANCELLED else ""
            self.move(errand, step, reason=reason, by=COURIER)

        return call

    def _named(self, account: DadaAccount, body: dict[str, Any]) -> Errand:
        errand = self.book.find(str(body.get("order_id", "")))
        if errand is None or errand.account != account.source_id:
            raise Refusal(wire.ORDER_NOT_FOUND, "订单不存在")
        return errand

    def _check(self, account: DadaAccount, body: dict[str, Any]) -> None:
        wire.require_order_fields(body)
        if account.shops and str(body["shop_no"]) not in account.shops:
            raise Refusal(wire.SHOP_NOT_FOUND, "门店不存在")

    def _post(self, errand: Errand, body: dict[str, Any], *, url: str = "", forged: bool = False) -> Post:
        raw = json.dumps(body, ensure_ascii=False).encode()
        return Post(url or errand.facts["callback"], raw, {"content-type": "application/json"}, forged)


def _errand(
    account: DadaAccount, body: dict[str, Any], call: str, number: str = "", round_: int = 1
) -> Errand:
    """An errand that waits for a rider: about 5 yuan, and 1.50 for every kilometre."""
    now = time.time()
    distance = metres(str(body["receiver_address"]))
    return Errand(
        account=account.source_id,
        origin=str(body["origin_id"]),
        number=number or f"{time.strftime('%Y%m%d', time.gmtime(now))}{secrets.randbelow(10**11):011}",
        fee=price(500, 150, distance, "dada", str(body["receiver_address"])),
        distance=distance,
        created_at=now,
        call=call,
        mark=str(body.get("origin_mark_no", "")),
        store=str(body["shop_no"]),
        round=round_,
        facts={"callback": str(body["callback"])},
    )
