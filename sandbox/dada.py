"""Dada's API: one address a call, a signed envelope in, HTTP 200 with a code out."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox import dada_wire as wire
from sandbox.brand import DadaAccount
from sandbox.dada_book import Book, Errand, new_errand
from sandbox.dada_riders import BY_MERCHANT, BY_SYSTEM, Riders
from sandbox.dada_wire import Refusal
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.misbehave import CutReply, spoil

CREATES = {"/api/order/addOrder", "/api/order/reAddOrder", "/api/order/addAfterQuery"}
CITIES = [
    {"cityName": "上海", "cityCode": "021"},
    {"cityName": "杭州", "cityCode": "0571"},
    {"cityName": "成都", "cityCode": "028"},
]
FREE_CANCEL, DEDUCTION = 60, 2.0  # seconds after acceptance; yuan kept when it is later


class Dada:
    """The courier company; `riders` moves what it accepts."""

    def __init__(
        self, accounts: tuple[DadaAccount, ...], book: Book, riders: Riders, ledger: Ledger, faults: Faults
    ) -> None:
        self.accounts = {account.app_key: account for account in accounts}
        self.book, self.riders, self.ledger, self.faults = book, riders, ledger, faults
        self._calls: dict[str, Callable[[DadaAccount, dict[str, Any]], Any]] = {
            "/api/order/queryDeliverFee": self._quote,
            "/api/order/addAfterQuery": self._add_quoted,
            "/api/order/addOrder": self._add,
            "/api/order/reAddOrder": self._add_again,
            "/api/order/formalCancel": self._cancel,
            "/api/order/cancel/reasons": lambda account, body: wire.CANCEL_REASONS,
            "/api/order/status/query": self._status,
            "/api/cityCode/list": lambda account, body: CITIES,
            "/api/order/accept": self._qa(wire.ASSIGNED),
            "/api/order/fetch": self._qa(wire.DELIVERING),
            "/api/order/finish": self._qa(wire.DONE),
            "/api/order/cancel": self._qa(wire.CANCELLED),
            "/api/order/expire": self._qa(wire.EXPIRED),
        }

    async def receive(self, request: Request) -> Response:
        """POST /dada/api/…: check the envelope, do the call, answer in Dada's words."""
        path = "/" + request.path_params["path"]
        try:
            account, body = self._open(await request.body())
        except Refusal as refusal:
            return JSONResponse(wire.failure(refusal))
        order = str(body.get("origin_id") or body.get("order_id") or "")
        if spoilt := await spoil(self.faults, "dada", path=path, order=order):
            return spoilt
        answer = JSONResponse(self._do(path, account, body))
        if path in self._calls and self.faults.take("dada", {"lost_reply"}, path=path, order=order):
            return CutReply()
        return answer

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

    def _do(self, path: str, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        call = self._calls.get(path)
        order = str(body.get("origin_id") or body.get("order_id") or "")
        try:
            if call is None:
                raise Refusal(wire.UNREADABLE, "接口不存在")
            if self.faults.take("dada", {"refuse"}, path=path, order=order):
                raise Refusal(wire.BUSY, "运力紧张，暂不接单")
            return wire.success(call(account, body))
        except Refusal as refusal:
            return wire.failure(refusal)

    def _quote(self, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        self._check(account, body)
        delivery, errand, expires = self.book.quote(account.source_id, body, time.time())
        return {**errand.price(), "deliveryNo": delivery, "expiredTime": int(expires)}

    def _add_quoted(self, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        delivery = str(body.get("deliveryNo", ""))
        asked = self.book.take_quote(account.source_id, delivery, time.time())
        return self._create(account, asked, "addAfterQuery", delivery)

    def _add(self, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        self._check(account, body)
        return self._create(account, body, "addOrder")

    def _add_again(self, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        self._check(account, body)
        old = self.book.get(str(body["origin_id"]), account.source_id)
        if old.status not in wire.ENDED or old.status == wire.DONE:
            raise Refusal(wire.LIVE_ORDER, "订单进行中，不能重发")
        errand = new_errand(account.source_id, body, time.time())
        errand.round = old.round + 1
        return self._begin(errand, "reAddOrder")

    def _create(
        self, account: DadaAccount, body: dict[str, Any], call: str, delivery: str = ""
    ) -> dict[str, Any]:
        """Create an errand once: asked again, Dada answers with the one it has."""
        known = self.book.errands.get(str(body["origin_id"]))
        if known is None:
            return self._begin(new_errand(account.source_id, body, time.time(), delivery), call)
        if known.status in wire.ENDED:
            raise Refusal(wire.ENDED_ORDER, "订单已结束，请使用重发接口")
        self._note(known, call, new=False)
        return known.price()

    def _begin(self, errand: Errand, call: str) -> dict[str, Any]:
        self.book.save(errand)
        self._note(errand, call, new=True)
        self.riders.move(errand, wire.WAITING)
        self.riders.send(errand)
        return errand.price()

    def _note(self, errand: Errand, call: str, *, new: bool) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        entry = {"courier": "dada", "call": call, "new": new, "round": errand.round, "at": at}
        self.ledger.created({**entry, "origin_id": errand.origin_id, "delivery": errand.delivery})

    def _cancel(self, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        errand = self._named(account, body)
        if not body.get("cancel_reason_id"):
            raise Refusal(wire.UNREADABLE, "缺少参数: cancel_reason_id")
        if errand.status not in wire.BEFORE_PICK_UP:
            raise Refusal(wire.TOO_LATE, f"订单{wire.MESSAGES[errand.status]}，不能取消")
        accepted = errand.stamps.get("acceptTime", 0)
        deducted = DEDUCTION if errand.rider and time.time() - accepted > FREE_CANCEL else 0.0
        self.riders.move(errand, wire.CANCELLED, reason=str(body.get("cancel_reason", "")), by=BY_MERCHANT)
        return {"deduct_fee": deducted}

    def _status(self, account: DadaAccount, body: dict[str, Any]) -> dict[str, Any]:
        errand = self._named(account, body)
        rider = errand.rider
        times = ("createTime", "acceptTime", "fetchTime", "finishTime", "cancelTime")
        return {
            "orderId": errand.origin_id,
            "statusCode": errand.status,
            "statusMsg": wire.MESSAGES[errand.status],
            "transporterId": rider.id if rider else 0,
            "transporterName": rider.name if rider else "",
            "transporterPhone": rider.phone if rider else "",
            "deliveryFee": errand.fee,
            "tips": 0.0,
            "couponFee": 0.0,
            "insuranceFee": 0.0,
            "actualFee": errand.fee,
            "deductFee": 0.0,
            "distance": errand.distance,
            **{name: _clock(errand.stamps.get(name)) for name in times},
            "orderFinishCode": "",
        }

    def _qa(self, status: int) -> Callable[[DadaAccount, dict[str, Any]], None]:
        """The test system's calls that play the rider."""

        def call(account: DadaAccount, body: dict[str, Any]) -> None:
            errand = self._named(account, body)
            if errand.status in wire.ENDED:
                raise Refusal(wire.TOO_LATE, f"订单{wire.MESSAGES[errand.status]}")
            reason = str(body.get("reason", "")) if status == wire.CANCELLED else ""
            self.riders.move(errand, status, reason=reason, by=BY_SYSTEM if status in wire.ENDED else 0)

        return call

    def _named(self, account: DadaAccount, body: dict[str, Any]) -> Errand:
        return self.book.get(str(body.get("order_id", "")), account.source_id)

    def _check(self, account: DadaAccount, body: dict[str, Any]) -> None:
        wire.require_order_fields(body)
        if account.shops and str(body["shop_no"]) not in account.shops:
            raise Refusal(wire.SHOP_NOT_FOUND, "门店不存在")


def _clock(stamp: int | None) -> str:
    """Dada writes times as Shanghai's wall clock."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(stamp + 8 * 3600)) if stamp else ""
