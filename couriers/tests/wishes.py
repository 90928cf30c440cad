"""A store where an order changes hands, for the tests of that."""

from datetime import datetime
from typing import Any

from couriers.models import CarrierSearch, CourierAccount, HandOff, Rider
from couriers.services import hand_to_courier, hand_to_rider
from couriers.tests.factories import BO, MEI, NOW, after, make_order
from couriers.tests.fake_dada import FakeDada
from couriers.tests.searches import at_work, courier, news, policy, search_of, tried
from couriers.tests.work import boards_follow, run_all
from orders.services import Stepped
from outbox.models import Job


class World:
    """A ready order at a store with two couriers, A and B at one pretend Dada, and a rider at work."""

    def __init__(self, dada: FakeDada, **values: Any) -> None:
        self.dada = dada
        self.order = make_order(**values)
        policy(self.order.store, automatic=False)
        self.a, self.b = (courier(self.order.store, dada, label) for label in "AB")
        self.rider = at_work(self.order.store)

    def ask(self, account: CourierAccount, at: float = 0, **more: Any) -> Stepped:
        facts = {"order_id": self.order.pk, "actor": MEI, "now": after(at)}
        with boards_follow(after(at)):
            return hand_to_courier(**(facts | {"account": account} | more))

    def give(self, rider: Rider, at: float = 0, **more: Any) -> Stepped:
        facts = {"order_id": self.order.pk, "actor": MEI, "now": after(at)}
        with boards_follow(after(at)):
            return hand_to_rider(**(facts | {"rider": rider} | more))

    def asked(self, *, rider: bool = False) -> HandOff:
        """A has the errand; `rider`: and found somebody."""
        self.ask(self.a)
        run_all(NOW)
        handoff = HandOff.objects.select_related("order").get(order=self.order)
        if rider:
            dada_goes_on(self.dada, handoff, 2, after(1))
        return handoff

    def search(self, bag: int = 1) -> CarrierSearch:
        return search_of(self.order, bag)

    def card(self) -> Any:
        self.order.refresh_from_db()
        return self.order.delivery

    @property
    def tried(self) -> list[tuple[str, str, str]]:
        return tried(self.order)


def dada_goes_on(dada: FakeDada, handoff: HandOff, status: int, at: datetime) -> None:
    dada.statuses[handoff.origin_id] = status
    news(handoff, status, at)


def live_errands(dada: FakeDada) -> int:
    return sum(status not in {4, 5} for status in dada.statuses.values())


def waiting(world: World) -> HandOff:
    """A is being called off and has not answered; Old Wang is wanted instead."""
    handoff = world.asked()
    world.dada.script["formalCancel"].append("cut")
    world.give(world.rider, at=5, instead=True, actor=BO)
    run_all(after(5))
    assert world.tried == [("A", "cancelling", "store")]
    return handoff


def before_the_cancel_arrives(world: World) -> HandOff:
    """Old Wang is wanted instead of A, who does not know it yet."""
    handoff = world.asked()
    world.give(world.rider, at=5, instead=True)
    Job.objects.filter(kind="handoff.cancel").delete()
    return handoff
