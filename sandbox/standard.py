"""The platform of channel `standard`: pushes orders to the portal and takes the portal's calls.

Source: Standard Webhooks 1.0.0; a message is taken when the portal answers 2xx.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import webhooks
from sandbox.brand import STANDARD, Account
from sandbox.gate import OBEYS_AFTER
from sandbox.ledger import Message
from sandbox.order_book import ACCEPTED, CANCELLED, COMPLETED, READY, Order
from sandbox.platform import LONGEST_PAUSE, Outgoing, Platform

TIMEOUT = 15.0  # seconds; a portal that takes longer gets the message again
FIRST_PAUSE = 0.5  # seconds between attempts
CLIENT_ERROR_ATTEMPTS = 4  # a message the portal calls wrong is not repeated for ever
HEARD = {
    "order.accepted": ACCEPTED,
    "order.ready": READY,
    "order.delivered": COMPLETED,
    "order.rejected": CANCELLED,
    "order.cancelled": CANCELLED,
}
HAPPENS = {
    "order.cancelled": CANCELLED,
    "order.accepted_elsewhere": ACCEPTED,
    "order.completed": COMPLETED,
}


def pause_before(attempt: int, draw: float, retry_after: str = "") -> float:
    """Return the seconds until the next attempt: doubling, with jitter, never before Retry-After."""
    backoff: float = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE) * (0.5 + draw)
    return max(backoff, float(retry_after)) if retry_after.isdigit() else backoff


class Standard(Platform):
    """All accounts of the pretend platform."""

    channel: ClassVar[str] = STANDARD
    new_order: ClassVar[str] = "order.created"
    largest_number: ClassVar[int] = 999
    forged_with: ClassVar[str] = "whsec_d3JvbmctYnV0LXdlbGwtZm9ybWVkLXNlY3JldA=="

    def routes(self) -> list[Route]:
        """Return the address of the portal's calls."""
        return [Route("/platform/standard/{account}/calls", self.receive_call, methods=["POST"])]

    def announce(self, order: Order) -> Message:
        """Write down the `order.created`."""
        return self._write(self.accounts[order.account], self.new_order, order.data)

    def tell(self, account: Account, code: str, kind: str, order_id: str, **facts: Any) -> Message:
        """Push another message about an order, e.g. `order.cancelled` or `order.urged`."""
        order = self.book.find(account.slug, order_id)
        if order and kind in HAPPENS:
            self.book.change(order, state=HAPPENS[kind])
        message = self._write(account, kind, {"order_id": order_id, "store_code": code, **facts})
        return self.send(message)

    def outgoing(self, account: Account, message: Message, body: str) -> Outgoing:
        """Return the signed push; the webhook-id is the same on every attempt."""
        raw, secret = body.encode(), self.secret(account, message)
        headers = webhooks.headers(secret, message.id, int(time.time()), raw)
        return Outgoing(url=account.intake_url, content=raw, headers=headers)

    def accepts(self, answer: httpx.Response) -> bool:
        """Any 2xx will do."""
        return answer.is_success

    def ack_within(self, account: Account) -> float:
        """Return the seconds the portal has to answer."""
        return TIMEOUT

    def repeats(self, account: Account, attempts: int, status: int | None) -> bool:
        """A 4xx says that another attempt will not help, but platforms try a few times."""
        wrong = status is not None and 400 <= status < 500 and status not in {408, 429}
        return not wrong or attempts < CLIENT_ERROR_ATTEMPTS

    def pause(self, account: Account, attempts: int, answer: httpx.Response | None) -> float:
        """Return the seconds before the next attempt."""
        retry_after = "" if answer is None else answer.headers.get("retry-after", "")
        return pause_before(attempts, self.dice.random(), retry_after)

    async def receive_call(self, request: Request) -> Response:
        """POST /platform/standard/<account>/calls: what the portal tells the platform."""
        account = self.accounts.get(request.path_params["account"])
        if account is None:
            return JSONResponse({"error": "unknown account"}, 404)
        body = await request.body()
        if not webhooks.verify(account.secret, request.headers, body, time.time()):
            return JSONResponse({"error": "wrong signature"}, 401)
        call = json.loads(body)
        kind, data = call["type"], call["data"]

        def obey() -> Response:
            self.note_call(account, request.headers["webhook-id"], kind, data)
            return self._answer(account, kind, data)

        return await self.answer_call(kind, str(data.get("order_id", "")), obey)

    def _answer(self, account: Account, kind: str, data: dict[str, Any]) -> Response:
        if kind != "store.intake":
            order = self.book.find(account.slug, str(data.get("order_id")))
            if order and kind in HEARD:
                self.book.change(order, state=HEARD[kind])
            return JSONResponse({"status": "ok"})
        code = str(data["store_code"])
        gate = self.gates.get((account.slug, code))
        if gate is None:
            return JSONResponse({"error": "unknown store"}, 404)
        if not self.faults.take(self.channel, {"deaf"}, path=code):
            delay = self.dice.uniform(*OBEYS_AFTER)
            gate.set(str(data["level"]), int(data["version"]), time.monotonic(), delay)
        return JSONResponse({"level": gate.level})

    def _write(self, account: Account, kind: str, data: dict[str, Any]) -> Message:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        body = json.dumps({"type": kind, "timestamp": at, "data": data}, ensure_ascii=False)
        return self.write(account, kind, order_id=data["order_id"], code=data["store_code"], body=body)
