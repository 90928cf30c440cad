"""Meituan Peisong: signed forms in, HTTP 200 with a code out; one callback address an account."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import peisong_wire as wire
from sandbox.brand import PeisongAccount
from sandbox.callbacks import Post
from sandbox.courier import Courier, Street
from sandbox.errands import BEFORE_PICK_UP, COURIER, MERCHANT, Errand, Step, metres, price
from sandbox.peisong_wire import Refusal

Form = dict[str, str]
Call = Callable[[PeisongAccount, Form], Any]
VERBS = {
    "order/preCreateByShop": "quote",
    "order/createByShop": "create",
    "order/delete": "cancel",
    "order/status/query": "query",
}


class Peisong(Courier):
    """The courier company."""

    name = "peisong"
    path = (
        (Step.ASSIGNED, 3.0),
        (Step.AT_STORE, 10.0),
        (Step.PICKED_UP, 6.0),
        (Step.DELIVERED, 22.0),
    )
    words = wire.STATUS
    reasons = ("暂无骑手接单", "骑手取消配送")

    def __init__(self, accounts: tuple[PeisongAccount, ...], street: Street) -> None:
        super().__init__(street)
        self.accounts: dict[str, PeisongAccount] = {account.appkey: account for account in accounts}
        self._calls: dict[str, Call] = {
            "order/preCreateByShop": self._quote,
            "order/createByShop": self._create,
            "order/delete": self._cancel,
            "order/status/query": lambda account, form: wire.status_of(self._named(account, form)),
            "test/order/arrange": self._qa(Step.ASSIGNED),
            "test/order/pickup": self._qa(Step.PICKED_UP),
            "test/order/deliver": self._qa(Step.DELIVERED),
            "test/order/rearrange": self._qa(Step.SEARCHING),
            "test/order/reportException": self._qa_exception,
        }

    def routes(self) -> list[Route]:
        """Return its addresses."""
        return [Route("/peisong/api/{path:path}", self.receive, methods=["POST"])]

    def accepted(self, answer: httpx.Response) -> bool:
        """Only 200 with code 0 counts."""
        try:
            return answer.status_code == httpx.codes.OK and answer.json().get("code") == wire.OK
        except (ValueError, AttributeError):
            return False

    async def receive(self, request: Request) -> Response:
        """POST /peisong/api/…: check the signature, do the call, answer in Peisong's words."""
        path = request.path_params["path"]
        try:
            form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
            account = self._open(form)
        except UnicodeDecodeError:
            return _failure(Refusal(wire.FORMAT, "编码不是UTF-8"))
        except Refusal as refusal:
            return _failure(refusal)
        fault_path = f"{account.appkey}/{VERBS.get(path, 'other')} {path}"
        order = form.get("order_id") or self._origin(form)
        return await self.serve(request, fault_path, order, lambda: self._do(path, fault_path, account, form))

    def news(self, errand: Errand) -> list[Post]:
        """A rider at the store is not told: Peisong has no status for it."""
        if errand.step == Step.AT_STORE:
            return []
        return [self._post(errand, wire.STATUS[errand.step])]

    def lies(self, errand: Errand) -> list[Post]:
        """Signed with another secret, and rightly signed to an address that is nobody's."""
        account = self.accounts[errand.account]
        done = wire.STATUS[Step.DELIVERED]
        elsewhere = account.callback_url.rstrip("/") + "x/"
        return [
            self._post(errand, done, secret="not" + account.secret, forged=True),
            self._post(errand, done, url=elsewhere, forged=True),
        ]

    def chatter(self, errand: Errand) -> list[Post]:
        """The store's own status."""
        account = self.accounts[errand.account]
        body = wire.shop_status(errand.store, account.appkey, account.secret, time.time())
        return [Post(account.callback_url, body, _FORM)]

    async def detour(self, errand: Errand) -> None:
        """A rider may report an exception; it goes on afterwards."""
        if errand.live and self.take("exception", errand):
            self._report_exception(errand)

    def _open(self, form: Form) -> PeisongAccount:
        if missing := [name for name in ("appkey", "timestamp", "version", "sign") if not form.get(name)]:
            raise Refusal(wire.SYSTEM_MISSING, f"缺少系统参数: {', '.join(missing)}")
        account = self.accounts.get(form["appkey"])
        if account is None:
            raise Refusal(wire.APPKEY, "appkey不存在")
        if form["version"] != "1.0":
            raise Refusal(wire.VERSION, "版本号不支持")
        if form["sign"] != wire.sign(account.secret, form):
            raise Refusal(wire.SIGN, "签名验证错误")
        if not form["timestamp"].isdecimal() or abs(time.time() - int(form["timestamp"])) > wire.WINDOW:
            raise Refusal(wire.TIME, "时间戳过期")
        return account

    def _do(self, path: str, fault_path: str, account: PeisongAccount, form: Form) -> Response:
        order = form.get("order_id") or self._origin(form)
        call = self._calls.get(path)
        try:
            if call is None:
                raise Refusal(wire.NO_RIGHT, "接口不存在")
            if self.faults.take(self.name, {"limit"}, path=fault_path, order=order):
                raise Refusal(wire.LIMITED, "接口调用频率超限")
            if self.faults.take(self.name, {"refuse"}, path=fault_path, order=order):
                raise Refusal(wire.BUSY, "运力不足，暂不可配送")
            return JSONResponse({"code": wire.OK, "message": "success", "data": call(account, form)})
        except Refusal as refusal:
            return _failure(refusal)

    def _quote(self, account: PeisongAccount, form: Form) -> dict[str, Any]:
        self._check(account, form)
        errand = _errand(account, form)
        fee = errand.fee / 100
        coupons = {"coupons_id": "", "coupons_amount": 0.0}
        return {
            "delivery_distance": errand.distance,
            "delivery_fee": fee,
            "base_delivery_fee": fee,
            **coupons,
        }

    def _create(self, account: PeisongAccount, form: Form) -> dict[str, Any]:
        """The same delivery_id is the same job, and so is an order that is being carried."""
        self._check(account, form)
        same_job, same_order = self.book.find(form["delivery_id"]), self.book.find(form["order_id"])
        known = same_job or (same_order if same_order and same_order.live else None)
        if known and known.account == account.appkey:
            self.book.asked_again(known, "createByShop", time.time())
            return wire.ids(known)
        errand = _errand(account, form)
        self.begin(errand, (form["delivery_id"], errand.origin))
        return wire.ids(errand)

    def _cancel(self, account: PeisongAccount, form: Form) -> dict[str, Any]:
        errand = self._named(account, form)
        reason = form.get("cancel_reason", "")
        if not form.get("cancel_reason_id", "").isdecimal() or not reason:
            raise Refusal(wire.MISSING, "缺少参数: cancel_reason_id, cancel_reason")
        if len(reason) > 256:
            raise Refusal(wire.FORMAT, "参数格式错误: cancel_reason")
        if errand.step not in BEFORE_PICK_UP:
            raise Refusal(wire.TOO_LATE, "当前状态不允许取消")
        errand.facts["cancel_reason_id"] = int(form["cancel_reason_id"])
        self.move(errand, Step.CANCELLED, reason=reason, by=MERCHANT, kept=self.cancel_fee(errand, 0.3))
        return wire.ids(errand)

    def _qa(self, step: Step) -> Call:
        """The test calls that play the rider."""

        def call(account: PeisongAccount, form: Form) -> dict[str, Any]:
            errand = self._named(account, form)
            if not errand.live:
                raise Refusal(wire.TOO_LATE, "订单已结束")
            self.move(errand, step, by=COURIER)
            return wire.ids(errand)

        return call

    def _qa_exception(self, account: PeisongAccount, form: Form) -> dict[str, Any]:
        errand = self._named(account, form)
        self._report_exception(errand)
        return wire.ids(errand)

    def _report_exception(self, errand: Errand) -> None:
        account = self.accounts[errand.account]
        number = secrets.randbelow(9 * 10**12) + 10**12
        body = wire.exception(errand, number, account.appkey, account.secret, time.time())
        self.push(errand, [Post(account.callback_url, body, _FORM)])

    def _named(self, account: PeisongAccount, form: Form) -> Errand:
        """By both its names, as the platform's pages ask for."""
        if missing := [name for name in ("delivery_id", "mt_peisong_id") if not form.get(name)]:
            raise Refusal(wire.MISSING, f"缺少参数: {', '.join(missing)}")
        errand = self.book.find(form["delivery_id"])
        fits = errand and form["mt_peisong_id"] == errand.number
        if errand is None or not fits or errand.account != account.appkey:
            raise Refusal(wire.UNKNOWN_ORDER, "配送单不存在")
        return errand

    def _origin(self, form: Form) -> str:
        errand = self.book.find(form.get("delivery_id", ""))
        return errand.origin if errand else ""

    def _check(self, account: PeisongAccount, form: Form) -> None:
        wire.check_order(form)
        if account.shops and form["shop_id"] not in account.shops:
            raise Refusal(wire.UNKNOWN_SHOP, "门店不存在")
        if form["delivery_service_code"] != account.delivery_service_code:
            raise Refusal(wire.UNKNOWN_SERVICE, "配送服务未开通")

    def _post(
        self, errand: Errand, status: int, *, secret: str = "", url: str = "", forged: bool = False
    ) -> Post:
        account = self.accounts[errand.account]
        body = wire.callback(errand, status, account.appkey, secret or account.secret, time.time())
        return Post(url or account.callback_url, body, _FORM, forged)


def _errand(account: PeisongAccount, form: Form) -> Errand:
    """An errand to dispatch: about 5.50 yuan, and 1.30 for every kilometre."""
    distance = metres(form["receiver_address"])
    return Errand(
        account=account.appkey,
        origin=form["order_id"],
        number=f"{secrets.randbelow(9 * 10**15) + 10**15}",
        fee=price(550, 130, distance, "peisong", form["receiver_address"]),
        distance=distance,
        created_at=time.time(),
        call="createByShop",
        mark=form.get("poi_seq", ""),
        store=form["shop_id"],
        facts={"delivery_id": form["delivery_id"]},
    )


def _failure(refusal: Refusal) -> Response:
    return JSONResponse({"code": refusal.code, "message": str(refusal), "data": None})


_FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
