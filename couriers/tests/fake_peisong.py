"""A pretend Peisong on a loopback port: checks signs, keeps one errand a delivery_id."""

import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlencode

from couriers.tests.fakes import Answer, Fake, Fields

CREDENTIALS = {"app_key": "test", "app_secret": "test", "service_code": "4012"}


class FakePeisong(Fake):
    """`statuses` is how each errand stands, by delivery_id; `rider` is told with every status."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: dict[str, int] = {}
        self.price = 8.5
        self.rider: Fields = {}

    def name_of(self, method: str, path: str) -> str:
        return path.rsplit("/", 1)[1]

    def read(self, raw: bytes) -> dict[str, str]:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=True))

    def carry_out(self, call: str, body: Any, headers: dict[str, str]) -> Answer:
        if signed(body) != body:
            return 200, {"code": 6, "message": "sign wrong"}
        if call == "preCreateByShop":
            return self._ok(
                {"delivery_fee": self.price, "base_delivery_fee": self.price, "delivery_distance": 1234}
            )
        if call == "createByShop":
            return self._create(body["delivery_id"], body["order_id"])
        return self._one(call, body)

    def _one(self, call: str, body: Any) -> Answer:
        if not body.get("mt_peisong_id"):
            return 200, {"code": 3, "message": "缺少参数: mt_peisong_id"}
        known = body["delivery_id"] in self.statuses
        if not known or body["mt_peisong_id"] != number_of(body["delivery_id"]):
            return 200, {"code": 101, "message": "配送单不存在"}
        if call == "delete":
            return self._delete(body["delivery_id"])
        return self._ok(
            {
                "delivery_id": int(body["delivery_id"]),
                "status": self.statuses[body["delivery_id"]],
                **self.rider,
            }
        )

    def _create(self, delivery_id: str, order_id: str) -> Answer:
        if delivery_id not in self.statuses:
            self.statuses[delivery_id] = 0
            self.ledger.append(order_id)
        names = {"mt_peisong_id": number_of(delivery_id), "delivery_id": int(delivery_id)}
        return self._ok({**names, "order_id": order_id})

    def _delete(self, delivery_id: str) -> Answer:
        if self.statuses[delivery_id] not in {0, 20}:
            return 200, {"code": 106, "message": "too late"}
        self.statuses[delivery_id] = 99
        return self._ok({"delivery_id": int(delivery_id)})

    def _ok(self, data: Fields) -> Answer:
        return 200, {"code": 0, "message": "success", "data": data}


def number_of(delivery_id: str) -> str:
    """The number of its own that Peisong gives an errand; it asks for both."""
    return f"15{delivery_id[:14]}"


def signed(fields: dict[str, str], secret: str = "test") -> dict[str, str]:
    """The fields with Peisong's sign, by the words of its page."""
    base = secret + "".join(
        name + value for name, value in sorted(fields.items()) if name != "sign" and value != ""
    )
    return {**fields, "sign": hashlib.sha1(base.encode()).hexdigest()}  # noqa: S324 -- Peisong's own choice


def callback_body(fields: dict[str, str], secret: str = "test") -> bytes:
    """A callback as Peisong writes it."""
    return urlencode(signed(fields, secret)).encode()
