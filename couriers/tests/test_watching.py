"""Who is looked after when there is more to look after than fits into a round."""

import pytest

from couriers import watching
from couriers.models import CourierAccount, HandOff
from couriers.tests.factories import NOW, after, make_account, make_order, make_store
from couriers.watching import watch
from outbox.models import Job

pytestmark = pytest.mark.django_db


def silent(account: CourierAccount, count: int, seconds: float = 0) -> list[int]:
    """Errands that the courier has had since then without a word."""
    store, at = make_store(), after(seconds)
    clocks = {"created_at": at, "changed_at": at, "heard_at": at, "asked_at": at}
    rows = [
        HandOff(
            order=make_order(store), store=store, carrier="provider", account=account, state="sent", **clocks
        )
        for _ in range(count)
    ]
    return [handoff.pk for handoff in HandOff.objects.bulk_create(rows)]


def asked() -> list[int]:
    """Which hand-offs there are jobs about, once for each."""
    return list(Job.objects.order_by("pk").values_list("payload__handoff", flat=True))


def test_a_courier_that_is_down_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BATCH", 3)
    down = silent(make_account(make_store()), 5)
    (one,) = silent(make_account(make_store()), 1, seconds=5)

    assert watch(now=NOW + 2 * watching.PATIENCE["sent"])["asked"] == 3

    assert asked() == [down[0], one, down[1]]


def test_who_was_looked_after_makes_room_until_the_minute_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BATCH", 3)
    down = silent(make_account(make_store()), 5)

    assert [watch(now=after(seconds))["asked"] for seconds in (120, 125, 130)] == [3, 2, 0]
    assert asked() == down

    assert watch(now=after(180))["asked"] == 3
    assert asked() == [*down, *down[:3]]
