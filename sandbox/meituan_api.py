"""Meituan's API: one address per call, signed parameters in query and form, HTTP 200 with `data` out.

Source: public SDKs (paths, parameters, replies) and their tables of error codes. Where several codes would
do, 808 (the operation failed, the state has changed) is given.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import meituan_wire as wire
from sandbox.brand import Account
from sandbox.meituan import Meituan
from sandbox.meituan_orders import STATUS, make_detail, view_number
from sandbox.meituan_wire import Refusal
from sandbox.order_book import ACCEPTED, COMPLETED, Order
from sandbox.platform import NotPossible
from sandbox.shanghai import shanghai_day

AT_LEAST = 60  # day-seconds between acceptance and "the meal is ready"
Params = dict[str, str]


class MeituanApi:
    """Verifies calls and lets `meituan` do what they ask for."""

    def __init__(self, meituan: Meituan) -> None:
        self.meituan = meituan
        self.apps = {account.app_id: account for account in meituan.accounts.values()}
        self._posts: dict[str, Callable[[Account, Params], Any]] = {
            "ecommerce/order/logistics/sync": self._sync,
            "order/remindReply": self._reply,
            "order/batchPullPhoneNumber": self._phones,
            "poi/open": lambda account, params: self._turn(account, params, "open"),
            "poi/close": lambda account, params: self._turn(account, params, "paused"),
        }
        self._reads: dict[str, Callable[[Account, Params], Any]] = {
            "order/viewstatus": self._status,
            "order/getOrderDetail": self._detail,
            "order/getOrderDaySeq": self._day_seq,
            "order/getOrderIdByDaySeq": self._by_day_seq,
            "poi/mget": self._stores,
        }
        self._calls: dict[str, Callable[[Account, Params], Any]] = {
            **self._posts,
            **self._reads,
            "order/poi_received": lambda account, params: bool(self._order(account, params)),
            "order/confirm": self._confirm,
            "order/cancel": self._cancel,
            "order/refund/agree": lambda account, params: self._settle(account, params, "agreed"),
            "order/refund/reject": lambda account, params: self._settle(account, params, "refused"),
            "order/preparationMealComplete": self._prepared,
            "order/delivering": lambda account, params: self._follow(account, params, delivered=False),
            "order/arrived": lambda account, params: self._follow(account, params, delivered=True),
            "order/logistics/change/poi_self": self._deliver_by_self,
        }

    def routes(self) -> list[Route]:
        """Return the address of all calls."""
        return [Route("/platform/meituan/api/v1/{path:path}", self.receive, methods=["GET", "POST"])]

    async def receive(self, request: Request) -> Response:
        """GET or POST /platform/meituan/api/v1/…: check `sig`, do the call, answer in Meituan's words."""
        path, url = request.path_params["path"], str(request.url.replace(query=""))
        try:
            params = wire.read_form(request.url.query, await request.body())
            account = self._open(url, params)
            if path not in self._calls or (path in self._posts and request.method != "POST"):
                raise Refusal(wire.NO_PERMISSION, f"没有接口{request.method} {path}")
        except Refusal as refusal:
            return JSONResponse(wire.failure(refusal))
        order_id = params.get("order_id", "")
        return await self.meituan.answer_call(
            path, order_id, lambda: JSONResponse(self._do(account, path, params))
        )

    def _open(self, url: str, params: Params) -> Account:
        if missing := {"app_id", "timestamp", "sig"} - params.keys():
            raise Refusal(wire.MISSING, f"缺少参数: {', '.join(sorted(missing))}")
        account = self.apps.get(params["app_id"])
        if account is None:
            raise Refusal(wire.UNKNOWN_APP, "app_id不存在")
        if not wire.fits(url, params, account.secret):
            raise Refusal(wire.WRONG_SIGNATURE, "签名验证错误")
        return account

    def _do(self, account: Account, path: str, params: Params) -> dict[str, Any]:
        outcome = "ok"
        try:
            found = self._act(account, path, params)
        except Refusal as refusal:
            outcome, found = str(refusal.code), wire.failure(refusal)
        except NotPossible as reason:
            outcome = str(wire.FAILED)
            found = wire.failure(Refusal(wire.FAILED, f"操作失败,订单状态已变更: {reason}"))
        if path not in self._reads:
            self.meituan.note_call(account, f"mt_{secrets.token_hex(8)}", path, params, outcome=outcome)
        return found

    def _act(self, account: Account, path: str, params: Params) -> dict[str, Any]:
        order_id = params.get("order_id", "")
        if self.meituan.faults.take("meituan", {"limit"}, path=path, order=order_id):
            raise Refusal(wire.RATE_LIMIT, "接口请求频率超限")
        found = self._calls[path](account, params)
        return wire.success(found) if path in self._reads or isinstance(found, list) else wire.success()

    def _confirm(self, account: Account, params: Params) -> None:
        order = self._order(account, params)
        self.meituan.lose_race(order, "order/confirm")
        self.meituan.accept(order, by="portal")

    def _cancel(self, account: Account, params: Params) -> None:
        """Nothing is pushed when the merchant cancels by a call."""
        _number(params, "reason_code")
        reason = params.get("reason", "")
        self.meituan.cancel(self._order(account, params), by="portal", reason=reason, silent=True)

    def _settle(self, account: Account, params: Params, step: str) -> None:
        order = self._order(account, params)
        self.meituan.settle(order, step, by="portal", reason=_text(params, "reason"))

    def _prepared(self, account: Account, params: Params) -> None:
        """Refused soon after acceptance, when it was said before, and once the order has gone."""
        order = self._order(account, params)
        if not order.by_platform:
            raise Refusal(wire.NOT_MEITUANS, "非美团配送订单")
        if order.state != ACCEPTED:
            raise Refusal(wire.FAILED, "操作失败,订单未接单、已上报出餐或已结束")
        since = (time.time() - order.facts.get("accepted_at", 0)) * self.meituan.world.pace.speed
        if since < AT_LEAST:
            raise Refusal(wire.FAILED, "操作失败,接单后一分钟内不能上报出餐")
        self.meituan.ready(order)

    def _follow(self, account: Account, params: Params, *, delivered: bool) -> None:
        self._carry(self._order(account, params), delivered=delivered)

    def _carry(self, order: Order, *, delivered: bool) -> None:
        if order.state == COMPLETED:
            raise Refusal(wire.ALREADY_DONE, "订单已完成")
        self.meituan.follow_store_rider(order, delivered=delivered)

    def _sync(self, account: Account, params: Params) -> None:
        names = ("third_carrier_order_id", "courier_name", "courier_phone", "logistics_provider_code")
        for name in names:
            _text(params, name)
        status = _number(params, "logistics_status")
        order = self._order(account, params)
        if status >= wire.LOGISTICS["picked_up"] and status != wire.LOGISTICS["cancelled"]:
            self._carry(order, delivered=status == wire.LOGISTICS["delivered"])
        self.meituan.book.change(order, facts={"carrier_status": status})

    def _deliver_by_self(self, account: Account, params: Params) -> None:
        order = self._order(account, params)
        if not order.by_platform:
            raise Refusal(wire.NOT_MEITUANS, "非美团配送订单")
        self.meituan.deliver_by_store(order)

    def _reply(self, account: Account, params: Params) -> None:
        _text(params, "reply_id")
        self.meituan.answer_urge(account, _text(params, "remind_id"))

    def _phones(self, account: Account, params: Params) -> list[dict[str, Any]]:
        code = self._store(account, params)
        offset, limit = _number(params, "offset"), _number(params, "limit")
        orders = list(self.meituan.book.of_store(account.slug, code))[offset : offset + limit]
        return [
            {
                "order_id": int(order.order_id),
                "app_poi_code": code,
                "wm_order_id_view": view_number(order),
                "day_seq": order.number,
                "real_phone_number": (order.data["customer"] or {}).get("phone", ""),
            }
            for order in orders
        ]

    def _turn(self, account: Account, params: Params, level: str) -> None:
        self.meituan.obey_intake(account, self._store(account, params), level)

    def _status(self, account: Account, params: Params) -> dict[str, int]:
        return {"status": STATUS[self._order(account, params).state]}

    def _detail(self, account: Account, params: Params) -> dict[str, Any]:
        order = self._order(account, params)
        found = make_detail(order, self.meituan.shop_of(order), time.time())
        if params.get("is_mt_logistics") == "1" and order.by_platform:
            rider = order.facts.get("rider") or {"name": "", "phone": ""}
            found["logistics_status"] = wire.LOGISTICS.get(order.facts.get("step", ""), 0)
            found |= {"logistics_dispatcher_name": rider["name"]}
            found |= {"logistics_dispatcher_mobile": rider["phone"]}
        return found

    def _day_seq(self, account: Account, params: Params) -> dict[str, Any]:
        code = self._store(account, params)
        today = shanghai_day(time.time())
        return {"result": "ok", "day_seq": self.meituan.book.last_number(account.slug, code, today)}

    def _by_day_seq(self, account: Account, params: Params) -> dict[str, Any]:
        code, number = self._store(account, params), _number(params, "day_seq")
        day = _text(params, "date_time")
        for order in self.meituan.book.of_store(account.slug, code):
            if order.number == number and order.day.replace("-", "") == day:
                return {"result": "ok", "order_id": int(order.order_id)}
        raise Refusal(wire.NO_ORDER, "不存在此订单")

    def _stores(self, account: Account, params: Params) -> list[dict[str, Any]]:
        codes = _text(params, "app_poi_codes").split(",")
        return [
            {
                "app_poi_code": code,
                "name": self.meituan.shops[account.slug, code].name,
                "open_level": 1 if self.meituan.gates[account.slug, code].level == "open" else 3,
                "is_online": 1,
            }
            for code in codes
            if (account.slug, code) in self.meituan.shops
        ]

    def _order(self, account: Account, params: Params) -> Order:
        order = self.meituan.book.find(account.slug, _text(params, "order_id"))
        if order is None:
            raise Refusal(wire.NO_ORDER, "不存在此订单")
        return order

    def _store(self, account: Account, params: Params) -> str:
        code = _text(params, "app_poi_code")
        if (account.slug, code) not in self.meituan.shops:
            raise Refusal(wire.NO_STORE, "不存在此门店")
        return code


def _text(params: Params, name: str) -> str:
    if not params.get(name):
        raise Refusal(wire.MISSING, f"缺少参数: {name}")
    return params[name]


def _number(params: Params, name: str) -> int:
    text = _text(params, name)
    if not text.isdecimal():
        raise Refusal(wire.FORMAT, f"{name}必须是整数")
    return int(text)
