"""Ele.me's API: one address for all actions, a signed envelope in, HTTP 200 with a result or an error out.

Source: `OrderService`, `ShopService`, `MessageService` and `MsgNewService` of the public SDKs. The inner
fields of msgQueryRequest and msgConfirmRequest are not published: any object is taken, any id in it confirms.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import eleme_wire as wire
from sandbox.brand import Account
from sandbox.eleme import Eleme
from sandbox.eleme_orders import delivery_body, make_oorder
from sandbox.eleme_wire import Call, Refusal
from sandbox.order_book import PLACED, Order
from sandbox.platform import NotPossible
from sandbox.shanghai import shanghai_day

WITHOUT_TOKEN = frozenset({"eleme.msgNew.getPushFailMsg", "eleme.msgNew.confirmPullMsg"})
MOST_MESSAGES, MOST_ORDERS, MOST_PAGES, LONGEST_REPLY = 100, 50, 100, 30
TOKEN_LIVES = 30 * 24 * 3600  # seconds
Params = dict[str, Any]
Action = Callable[[Account, Params], Any]


class ElemeApi:
    """Verifies calls and lets `eleme` do what they ask for."""

    def __init__(self, eleme: Eleme) -> None:
        self.eleme = eleme
        self.apps = {account.app_key or account.app_id: account for account in eleme.accounts.values()}
        self.tokens = {slug: self._known_tokens(account) for slug, account in eleme.accounts.items()}
        queries = self._queries()
        self._reads = frozenset(queries)
        self._actions: dict[str, Action] = {
            **{f"eleme.order.{name}": do for name, do in self._order_actions().items()},
            "eleme.shop.updateShopBasicInfo": self._update_shop,
            "eleme.shop.updateShop": self._update_shop,
            "eleme.msgNew.confirmPullMsg": self._confirm_pull,
            **queries,
        }

    def _order_actions(self) -> dict[str, Action]:
        return {
            "confirmOrderLite": self._confirm,
            "cancelOrderLite": self._cancel,
            "agreeRefundLite": lambda account, params: self._settle(account, params, "agreed"),
            "disagreeRefundLite": lambda account, params: self._settle(account, params, "refused"),
            "setOrderPrepared": self._prepared,
            "orderPredictFinishTime": self._predict,
            "replyReminder": self._reply,
            "deliveryBySelfLite": self._deliver_by_self,
            "selfDeliveryStateSync": self._sync,
            "startDeliveryBySelf": lambda account, params: self._follow(account, params, delivered=False),
            "completeDeliveryBySelf": lambda account, params: self._follow(account, params, delivered=True),
        }

    def _queries(self) -> dict[str, Action]:
        return {
            "eleme.order.getOrder": lambda account, params: self._oorder(self._order(account, params)),
            "eleme.order.mgetOrders": self._get_many,
            "eleme.order.getDeliveryStateRecord": self._delivery,
            "eleme.order.getUnprocessOrders": self._unprocessed,
            "eleme.order.getAllOrders": self._all,
            "eleme.order.getUnreplyReminders": self._reminders,
            "eleme.shop.mgetShopStatus": self._shop_status,
            "eleme.msgNew.getPushFailMsg": self._failed_pushes,
            "eleme.message.getNonReachedOMessages": self._not_reached,
        }

    def routes(self) -> list[Route]:
        """Return the addresses of the API and of its tokens."""
        return [
            Route("/platform/eleme/api/v1", self.receive, methods=["POST"]),
            Route("/platform/eleme/api/v1/", self.receive, methods=["POST"]),
            Route("/platform/eleme/token", self.renew, methods=["POST"]),
        ]

    async def receive(self, request: Request) -> Response:
        """POST /platform/eleme/api/v1: check the envelope, do the action, answer in Ele.me's words."""
        call_id = ""
        try:
            call = wire.read_call(await request.body())
            call_id = call.id
            account = self._open(call, request.headers.get("x-eleme-requestid", ""))
            params = call.values()
        except Refusal as refusal:
            return JSONResponse(wire.failure(call_id, refusal))
        order_id = _order_id(params)
        return await self.eleme.answer_call(
            call.action, order_id, lambda: JSONResponse(self._do(account, call, params))
        )

    async def renew(self, request: Request) -> Response:
        """POST /platform/eleme/token: a new token, for a refresh token or for the app itself."""
        form = parse_qs((await request.body()).decode())
        account = self._basic(request.headers.get("authorization", ""))
        if account is None:
            return JSONResponse({"error": "invalid_client"}, 401)
        if not self._grants(account, form):
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = {"access_token": secrets.token_hex(16), "refresh_token": secrets.token_hex(16)}
        self.eleme.book.keep_token(account.slug, token)
        self.tokens[account.slug] = {token["access_token"]}
        return JSONResponse({**token, "token_type": "Bearer", "expires_in": TOKEN_LIVES})

    def _known_tokens(self, account: Account) -> set[str]:
        """The one of the brand file, and the one given out last."""
        kept = self.eleme.book.tokens.get(account.slug, {}).get("access_token", "")
        return {token for token in (account.token, kept) if token}

    def _grants(self, account: Account, form: dict[str, list[str]]) -> bool:
        kept = self.eleme.book.tokens.get(account.slug, {}).get("refresh_token", "")
        given = form.get("refresh_token", [""])[0]
        match form.get("grant_type"):
            case ["refresh_token"]:
                return given != "" and given in {account.refresh_token, kept}
            case ["client_credentials"]:
                return True
        return False

    def _basic(self, header: str) -> Account | None:
        for app_key, account in self.apps.items():
            pair = f"{app_key}:{account.secret}".encode()
            if header == f"Basic {base64.b64encode(pair).decode()}":
                return account
        return None

    def _open(self, call: Call, header: str) -> Account:
        account = self.apps.get(call.app_key)
        if account is None:
            raise Refusal(wire.ILLEGAL_REQUEST, "app_key不存在")
        if header != call.id:
            raise Refusal(wire.ILLEGAL_REQUEST, "x-eleme-requestid必须与id一致")
        if not call.fits(account.secret):
            raise Refusal(wire.INVALID_SIGNATURE, "签名错误")
        if self.eleme.faults.take("eleme", {"expired_token"}, path=call.action):
            self.tokens[account.slug] = set()
        fitting = {""} if call.action in WITHOUT_TOKEN else self.tokens[account.slug]
        if call.token not in fitting:
            raise Refusal(wire.UNAUTHORIZED, "token无效或已过期")
        return account

    def _do(self, account: Account, call: Call, params: Params) -> dict[str, Any]:
        outcome = "ok"
        try:
            found = wire.success(call.id, self._act(account, call.action, params))
        except Refusal as refusal:
            outcome, found = refusal.code, wire.failure(call.id, refusal)
        except NotPossible as reason:
            outcome = wire.WRONG_STATE
            found = wire.failure(call.id, Refusal(wire.WRONG_STATE, f"订单状态已变更: {reason}"))
        except (TypeError, ValueError) as error:
            outcome = wire.VALIDATION_FAILED
            found = wire.failure(call.id, Refusal(wire.VALIDATION_FAILED, f"参数错误: {error}"))
        if call.action not in self._reads:
            data = {"order_id": _order_id(params), **params}
            self.eleme.note_call(account, call.id, call.action, data, outcome=outcome)
        return found

    def _act(self, account: Account, action: str, params: Params) -> Any:
        if action not in self._actions:
            raise Refusal(wire.METHOD_NOT_ALLOWED, f"没有接口{action}")
        if self.eleme.faults.take("eleme", {"limit"}, path=action, order=_order_id(params)):
            raise Refusal(wire.EXCEED_LIMIT, "调用频率超限")
        return self._actions[action](account, params)

    def _confirm(self, account: Account, params: Params) -> None:
        order = self._order(account, params)
        self.eleme.lose_race(order, "eleme.order.confirmOrderLite")
        self.eleme.accept(order, by="portal")

    def _cancel(self, account: Account, params: Params) -> None:
        if params.get("type") not in wire.CANCEL_TYPES:
            raise Refusal(wire.VALIDATION_FAILED, "type无效")
        self.eleme.cancel(self._order(account, params), by="portal", reason=str(params.get("remark", "")))

    def _settle(self, account: Account, params: Params, step: str) -> None:
        if step == "refused" and not params.get("reason"):
            raise Refusal(wire.VALIDATION_FAILED, "reason不能为空")
        order = self._order(account, params)
        self.eleme.settle(order, step, by="portal", reason=str(params.get("reason", "")))

    def _prepared(self, account: Account, params: Params) -> None:
        self.eleme.ready(self._order(account, params))

    def _predict(self, account: Account, params: Params) -> None:
        order = self._order(account, params)
        if not params.get("predictTime"):
            raise Refusal(wire.VALIDATION_FAILED, "predictTime不能为空")
        self.eleme.book.change(order, facts={"predicted": params["predictTime"]})

    def _reply(self, account: Account, params: Params) -> None:
        kind, content = params.get("type"), str(params.get("content") or "")
        if kind not in wire.REPLY_TYPES or len(content) > LONGEST_REPLY or (kind == "custom" and not content):
            raise Refusal(wire.VALIDATION_FAILED, "type无效或content过长")
        if order := self.eleme.answer_urge(account, str(params.get("remindId"))):
            self.eleme.push_urge_answered(order, int(params["remindId"]))

    def _deliver_by_self(self, account: Account, params: Params) -> None:
        self.eleme.deliver_by_store(self._order(account, params))

    def _sync(self, account: Account, params: Params) -> None:
        info = params.get("stateInfo")
        if not isinstance(info, dict) or info.get("state") not in {"DELIVERY_START", "DELIVERY_COMPLETE"}:
            raise Refusal(wire.VALIDATION_FAILED, "stateInfo无效")
        self._follow(account, info, delivered=info["state"] == "DELIVERY_COMPLETE")

    def _follow(self, account: Account, params: Params, *, delivered: bool) -> None:
        order = self._order(account, params)
        if order.state == PLACED:
            raise Refusal(wire.WRONG_STATE, "订单未接单")
        self.eleme.follow_store_rider(order, delivered=delivered)

    def _get_many(self, account: Account, params: Params) -> dict[str, Any]:
        wanted = params.get("orderIds")
        if not isinstance(wanted, list) or len(wanted) > MOST_ORDERS:
            raise Refusal(wire.VALIDATION_FAILED, "orderIds无效")
        found = [self.eleme.book.find(account.slug, str(order_id)) for order_id in wanted]
        return {order.order_id: self._oorder(order) for order in found if order}

    def _delivery(self, account: Account, params: Params) -> list[dict[str, Any]]:
        """Where its delivery stands; earlier steps are not told."""
        order = self._order(account, params)
        step = "store" if order.facts.get("self_delivery") else order.facts.get("step")
        if step not in wire.DELIVERY:
            return []
        return [delivery_body(order, state, time.time()) for _kind, state in wire.DELIVERY[step]]

    def _unprocessed(self, account: Account, params: Params) -> list[str]:
        code = self._shop(account, params.get("shopId"))
        orders = self.eleme.book.of_store(account.slug, code)
        return [order.order_id for order in orders if order.state == PLACED]

    def _all(self, account: Account, params: Params) -> dict[str, Any]:
        code = self._shop(account, params.get("shopId"))
        page, size = params.get("pageNo", 1), params.get("pageSize", 20)
        if not (1 <= page <= MOST_PAGES and 1 <= size <= MOST_ORDERS):
            raise Refusal(wire.VALIDATION_FAILED, "分页参数无效")
        day = params.get("date") or shanghai_day(time.time())
        orders = [order for order in self.eleme.book.of_store(account.slug, code) if order.day == day]
        shown = orders[(page - 1) * size : page * size]
        return {"list": [self._oorder(order) for order in shown], "total": len(orders)}

    def _reminders(self, account: Account, params: Params) -> list[dict[str, Any]]:
        code = self._shop(account, params.get("shopId"))
        return [
            {"reminderId": int(reminder), "orderId": order.order_id}
            for order in self.eleme.book.of_store(account.slug, code)
            for reminder, answered in order.facts.get("reminders", {}).items()
            if order.live and not answered
        ]

    def _update_shop(self, account: Account, params: Params) -> dict[str, Any]:
        code = self._shop(account, params.get("shopId"))
        properties = params.get("properties")
        if not isinstance(properties, dict):
            raise Refusal(wire.VALIDATION_FAILED, "properties无效")
        if "isOpen" in properties:
            self.eleme.obey_intake(account, code, "open" if int(properties["isOpen"]) else "paused")
        return self._simple_shop(account, code)

    def _shop_status(self, account: Account, params: Params) -> dict[str, Any]:
        codes = [self._shop(account, shop_id) for shop_id in params.get("shopIds") or []]
        return {code: self._simple_shop(account, code) for code in codes}

    def _simple_shop(self, account: Account, code: str) -> dict[str, Any]:
        is_open = self.eleme.gates[account.slug, code].level == "open"
        return {"id": int(code), "isOpen": int(is_open), "isValid": 1}

    def _failed_pushes(self, account: Account, params: Params) -> list[dict[str, Any]]:
        failed = self.eleme.ledger.failed([account.slug])
        shown = [message for message in failed if message.type in wire.MUST_NOT_LOSE][:MOST_MESSAGES]
        return [self.eleme.envelope(account.secret, message.body) for message in shown]

    def _confirm_pull(self, account: Account, params: Params) -> None:
        named = set(_texts(params))
        for message in self.eleme.ledger.failed([account.slug]):
            if message.id in named:
                self.eleme.fetched(message)

    def _not_reached(self, account: Account, params: Params) -> list[dict[str, Any]]:
        """There is nothing to confirm these with: asked for once is taken."""
        if str(params.get("appId")) != account.app_id:
            raise Refusal(wire.VALIDATION_FAILED, "appId无效")
        failed = self.eleme.ledger.failed([account.slug])
        shown = [message for message in failed if message.type not in wire.MUST_NOT_LOSE][:MOST_MESSAGES]
        found = [self.eleme.envelope(account.secret, message.body) for message in shown]
        for message in shown:
            self.eleme.fetched(message)
        return found

    def _oorder(self, order: Order) -> dict[str, Any]:
        return make_oorder(order, self.eleme.shop_of(order))

    def _order(self, account: Account, params: Params) -> Order:
        order = self.eleme.book.find(account.slug, str(params.get("orderId")))
        if order is None:
            raise Refusal(wire.ORDER_NOT_FOUND, "订单不存在")
        return order

    def _shop(self, account: Account, shop_id: Any) -> str:
        if (account.slug, str(shop_id)) not in self.eleme.shops:
            raise Refusal(wire.SHOP_NOT_FOUND, "店铺不存在")
        return str(shop_id)


def _order_id(params: Params) -> str:
    info = params.get("stateInfo")
    nested = info.get("orderId", "") if isinstance(info, dict) else ""
    return str(params.get("orderId") or nested)


def _texts(value: Any) -> Iterator[str]:
    """Yield every text and number in a JSON value, as texts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from _texts(member)
    else:
        yield str(value)
