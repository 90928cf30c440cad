"""The couriers of the hand-off's model: pretend servers, seen by our own numbers of the errands.

One can be asked about an errand by our number and is not idempotent (Dada), the other only by its own
number, and the same errand twice is one (Peisong).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from couriers.models import CourierAccount, HandOff
from couriers.providers.peisong import delivery_number
from couriers.tests.couriers import make_courier_account, peisong_tells, tell_account
from couriers.tests.fake_dada import FakeDada, callback_body
from couriers.tests.fake_peisong import CREDENTIALS, FakePeisong, number_of
from couriers.tests.searches import courier
from couriers.tests.work import call_back
from stores.models import Store

Look = Callable[[], object]
FEE, CHEAPER = 850, 750  # fen: Dada's, and Peisong's
CANCELLED, CALLED_OFF = 5, 99  # at Dada, at Peisong
NO_RIDERS = "no riders today"


class DadaThere:
    """A Dada; `look` is called between its deed and its reply."""

    creates = ("addOrder", "addAfterQuery")
    calls = ("query", "formalCancel")
    late_create = "addOrder"
    # What the rider does next, by the errand's status.
    ways = {1: [2, 5], 2: [100, 3, 1, 5], 100: [3, 1, 5], 3: [4, 10], 8: [2, 5]}
    live_at = frozenset({1, 2, 3, 8, 9, 100})
    ends = (4, 5)

    def __init__(self, store: Store, label: str, look: Look) -> None:
        self.server = FakeDada()
        self.server.before_reply = look
        self.server.rider = {"deliveryFee": 8.5}  # is told with every status
        self.account: CourierAccount = courier(store, self.server, label)

    def fail(self, call: str, trouble: str) -> None:
        self.server.script[call].append(trouble)

    def errands(self) -> dict[str, int]:
        """Where each errand stands, by our number."""
        return self.server.statuses

    def go_on(self, number: str, status: int) -> None:
        self.server.statuses[number] = status

    def asked_for(self, count: int) -> list[str]:
        """The numbers of the last creates that came."""
        calls = self.server.calls[-count:]
        return [body["origin_id"] for call, body in calls if call == self.late_create]

    def begin(self, number: str) -> None:
        self.server.ledger.append(number)
        self.server.statuses[number] = 1

    def owed(self, handoff: HandOff) -> int:
        """In fen: the fee, or what is kept of an errand that was called off."""
        status = self.server.statuses.get(handoff.origin_id)
        if status in {None, CANCELLED}:
            return round(self.server.kept.get(handoff.origin_id, 0) * 100)
        return FEE

    def tell(self, handoff: HandOff, status: int, at: datetime) -> int:
        """What the callback is answered with."""
        body = callback_body(handoff.origin_id, status, update_time=int(at.timestamp()))
        return call_back(handoff, body).status_code

    def forge(self, handoff: HandOff, status: int, at: datetime) -> int:
        """The checksum is right, for it has no key; the address is guessed."""
        body = callback_body(handoff.origin_id, status, update_time=int(at.timestamp()))
        return call_back(handoff, body, token="0" * 32).status_code


class ToldPeisong(FakePeisong):
    """Calls `look` between its deed and its reply, and knows our numbers."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look

    def carry_out(self, call: str, body: Any, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        answer = super().carry_out(call, body, headers)
        self.look()
        return answer


class PeisongThere:
    """A Peisong; it never says what it keeps of an errand that is called off."""

    creates = ("createByShop",)
    calls = ("query", "delete")
    ways = {0: [20, 99], 20: [15, 30, 0, 99], 15: [30], 30: [50]}
    live_at = frozenset({0, 15, 20, 30})
    ends = (50, 99)

    def __init__(self, store: Store, label: str, look: Look) -> None:
        self.server = ToldPeisong(look)
        self.server.price = CHEAPER / 100
        self.account = make_courier_account(store, "peisong", self.server.url, **CREDENTIALS)
        CourierAccount.objects.filter(pk=self.account.pk).update(label=label)

    def fail(self, call: str, trouble: str) -> None:
        refused = (200, {"code": 105, "message": NO_RIDERS})
        self.server.script[call].append(refused if trouble == NO_RIDERS else trouble)

    def errands(self) -> dict[str, int]:
        """Where each errand stands, by our number."""
        return {number: self.server.statuses[delivery_number(number)] for number in self.server.ledger}

    def go_on(self, number: str, status: int) -> None:
        self.server.statuses[delivery_number(number)] = status

    def asked_for(self, count: int) -> list[str]:
        """The numbers of the last creates that came."""
        return [body["order_id"] for call, body in self.server.calls[-count:] if call in self.creates]

    def begin(self, number: str) -> None:
        self.server.ledger.append(number)
        self.server.statuses[delivery_number(number)] = 0

    def owed(self, handoff: HandOff) -> int:
        """In fen: what it was quoted at, for Peisong never tells a fee."""
        number = delivery_number(handoff.origin_id)
        there = self.server.statuses.get(number, CALLED_OFF) != CALLED_OFF
        return CHEAPER if there and handoff.quoted_fee is not None else 0

    def tell(self, handoff: HandOff, status: int, at: datetime) -> int:
        """What the callback is answered with; it names the number that Peisong itself gave."""
        return tell_account(self.account, self._told(handoff, status, at)).status_code

    def forge(self, handoff: HandOff, status: int, at: datetime) -> int:
        """The address is known, the secret is not."""
        told = self._told(handoff, status, at, secret="guessed")
        return tell_account(self.account, told).status_code

    def _told(self, handoff: HandOff, status: int, at: datetime, secret: str = "test") -> Any:
        own = number_of(delivery_number(handoff.origin_id))
        return peisong_tells(handoff, "searching", at, secret, status=str(status), mt_peisong_id=own)


There = DadaThere | PeisongThere
