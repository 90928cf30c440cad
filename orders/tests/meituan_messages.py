"""Meituan as it pushes and answers: invented orders, an independent signature, a platform on loopback."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

from orders.channels.incoming import Keys, Request

APP_ID = "1234"
SECRET = "made_up_secret"
KEYS = Keys(APP_ID, (SECRET,))
PUBLIC = "https://portal.example/intake/meituan/jx-mt/"
SYSTEM = {"app_id": APP_ID, "timestamp": "1770343201"}

DETAIL: list[dict[str, Any]] = [
    {
        "app_food_code": "JT-01",
        "food_name": "茉莉奶绿",
        "sku_id": "JT-01-L",
        "quantity": 2,
        "price": 15.5,
        "box_num": 2,
        "box_price": 1,
        "unit": "杯",
        "food_discount": 1,
        "food_property": "50%糖,少冰,加珍珠",
        "cart_id": 0,
        "spec": "大杯",
        "mt_sku_id": 90071992547409931,
    },
    {
        "app_food_code": "JT-07",
        "food_name": "Mango 100%+",
        "sku_id": "",
        "quantity": 1,
        "price": 12,
        "box_num": 1,
        "box_price": 1,
        "food_property": "",
        "cart_id": 1,
    },
]
EXTRAS: list[dict[str, Any]] = [
    {"act_detail_id": 7, "reduce_fee": 2, "mt_charge": 0, "poi_charge": 2, "remark": "满20减2", "type": 2},
    {
        "act_detail_id": 8,
        "reduce_fee": 46.99,
        "mt_charge": 46.99,
        "poi_charge": 0,
        "remark": "免单日",
        "type": 22,
    },
    {"act_detail_id": 9, "reduce_fee": 0, "mt_charge": 0, "poi_charge": 3, "remark": "赠小料", "type": 23},
    {},
]
RECEIVED: dict[str, Any] = {
    "actOrderChargeByMt": [
        {"comment": "活动款", "feeTypeDesc": "活动款", "feeTypeId": 10019, "moneyCent": 4699}
    ],
    "actOrderChargeByPoi": [
        {"comment": "活动款", "feeTypeDesc": "活动款", "feeTypeId": 10019, "moneyCent": 200}
    ],
    "foodShareFeeChargeByPoi": 300,
    "onlinePayment": 1,
    "wmPoiReceiveCent": 4100,
    "reconciliationExtras": '{"chargeMode":2}',
}


def as_text(value: Any) -> str:
    """JSON as Meituan writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def paid(**changes: Any) -> dict[str, str]:
    """A paid order of three cups that the guest got for a fen; `changes` replace fields, None drops one."""
    fields = {
        "order_id": "100000000000000017",
        "wm_order_id_view": "100000000000000017",
        "app_poi_code": "jx-sh-001",
        "wm_poi_name": "清和茶饮（南京东路店）",
        "recipient_name": "王(女士)",
        "recipient_phone": "13800000000_1234",
        "recipient_address": "福州路 8 号 3 楼@#上海市上海市黄浦区福州路8号",
        "backup_recipient_phone": '["13900000000_77"]',
        "latitude": "31.232706",
        "longitude": "121.475003",
        "caution": "50% sugar + ice，不要吸管",
        "status": "2",
        "ctime": "1770343190",
        "utime": "1770343195",
        "delivery_time": "0",
        "estimate_arrival_time": "1770345590",
        "day_seq": "17",
        "pick_type": "0",
        "logistics_code": "2002",
        "total": "0.01",
        "original_price": "49.00",
        "shipping_fee": "3.00",
        "incmp_code": "0",
        "detail": as_text(DETAIL),
        "extras": as_text(EXTRAS),
        "poi_receive_detail": as_text(RECEIVED),
        **changes,
    }
    return {name: str(value) for name, value in fields.items() if value is not None}


def signature(url: str, fields: dict[str, str], secret: str = SECRET) -> str:
    """The platform's own way to the signature."""
    text = url + "?" + "&".join("=".join(pair) for pair in sorted(fields.items())) + secret
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def form(fields: dict[str, str], *, layers: int = 1) -> str:
    """The fields as a form whose values are encoded so many times."""
    for _ in range(layers - 1):
        fields = {name: quote_plus(value) for name, value in fields.items()}
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields.items())


def push(
    kind: str,
    fields: dict[str, str],
    *,
    secret: str = SECRET,
    layers: int = 1,
    method: str = "POST",
    system: dict[str, str] = SYSTEM,
) -> Request:
    """A signed push: the signature covers what is meant, the wire may carry it encoded twice."""
    url = f"{PUBLIC}{kind}/"
    signed = {**system, **fields}
    text = form({**signed, "sig": signature(url, signed, secret)}, layers=layers)
    query, body = (text, "") if method == "GET" else ("", text)
    return Request(method, url, kind, query, {}, body.encode())


@dataclass
class Meituan:
    """A platform that checks signatures; `answers` by path, one after the other, the last one for good.

    `calls` are (method, path, business fields); a call that is not signed well is answered with 703.
    """

    url: str = ""
    answers: dict[str, list[Any]] = field(default_factory=dict)
    calls: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def answer(self, path: str, *documents: Any) -> None:
        """What the calls of `path` get: documents, or bytes as they are."""
        self.answers[path] = list(documents)

    def take(self, method: str, path: str, query: str, body: str) -> bytes:
        """Check the signature, remember the call, and return the answer."""
        ours = dict(parse_qsl(query, keep_blank_values=True))
        business = dict(parse_qsl(body, keep_blank_values=True))
        claimed = ours.pop("sig", "")
        if claimed != signature(f"{self.url}/{path}", {**ours, **business}):
            return as_text({"data": "ng", "error": {"code": 703, "msg": "签名验证错误"}}).encode()
        if method == "GET":
            business = {name: value for name, value in ours.items() if name not in {"app_id", "timestamp"}}
        self.calls.append((method, path, business))
        answers = self.answers.get(path, [{"data": "ok"}])
        document = answers.pop(0) if len(answers) > 1 else answers[0]
        return document if isinstance(document, bytes) else as_text(document).encode()


def refused(code: int, message: str = "操作失败") -> dict[str, Any]:
    """Meituan's no."""
    return {"data": "ng", "error": {"code": code, "msg": message}}


@contextmanager
def running_meituan() -> Iterator[Meituan]:
    """A Meituan that listens until the block ends."""
    meituan = Meituan()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._serve("GET", "")

        def do_POST(self):
            self._serve("POST", self.rfile.read(int(self.headers["content-length"])).decode())

        def _serve(self, method, body):
            parts = urlsplit(self.path)
            reply = meituan.take(method, parts.path.removeprefix("/api/v1/"), parts.query, body)
            self.send_response(200)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    meituan.url = f"http://127.0.0.1:{server.server_port}/api/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield meituan
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
