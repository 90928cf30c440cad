"""The counter's page of riders: who may do what there, and the runs it proposes."""

from typing import Any

import pytest
import time_machine
from django.test import Client

from couriers.models import HandOff, Rider, RiderReport, Shift
from couriers.riders.runs import assign, propose
from couriers.riders.shifts import end_shift
from couriers.services import hand_to_rider
from couriers.tests.factories import MEI, NOW, after, make_order, make_rider, make_staff, make_store
from couriers.tests.riders import PLAIN_PHOTO, Phone, carried_by, on_shift
from couriers.tests.work import boards_follow
from orders.models import Order
from stores.models import Membership, Store, User

pytestmark = pytest.mark.django_db


class Counter:
    """Somebody signed in at the counter of a store."""

    def __init__(self, store: Store, user: User) -> None:
        self.base = f"/stores/{store.pk}/riders/"
        self.client = Client()
        self.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def get(self, path: str = "") -> Any:
        with time_machine.travel(after(60), tick=False):
            return self.client.get(self.base + path)

    def post(self, path: str, **form: Any) -> Any:
        """Press a button; returns the status, and what the page says of it."""
        with time_machine.travel(after(60), tick=False):
            answer = self.client.post(self.base + path, form, follow=True)
        told = [str(message) for message in answer.context["messages"]] if answer.context else []
        return answer.status_code, told


@pytest.fixture
def store() -> Store:
    return make_store()


@pytest.fixture
def staff(store: Store) -> Counter:
    return Counter(store, make_staff(store))


@pytest.fixture
def manager(store: Store) -> Counter:
    user = User.objects.create_user(username="manager", first_name="Lan")
    Membership.objects.create(user=user, role="manager", franchise=store.franchise)
    return Counter(store, user)


def test_staff_start_a_shift_show_its_code_and_end_it(store: Store, staff: Counter) -> None:
    rider = make_rider(store)
    assert staff.get(f"{rider.pk}/link").status_code == 404
    told = "Old Wang is on a shift. Show the code, so that their phone can scan it."
    assert staff.post(f"{rider.pk}/start") == (200, [told])
    code = staff.get(f"{rider.pk}/link")
    assert (code.status_code, code["Cache-Control"]) == (200, "no-store")
    assert "<svg" in code.content.decode()
    key = Shift.objects.get().key
    assert staff.post(f"{rider.pk}/new-link") == (200, ["Old Wang has a new link; the old one is worthless."])
    assert Shift.objects.get().key != key
    assert staff.post(f"{rider.pk}/end") == (200, ["The shift of Old Wang has ended."])
    assert staff.post(f"{rider.pk}/end") == (200, ["Old Wang is not on a shift."])


def test_a_link_is_on_no_page_but_its_own(store: Store, staff: Counter) -> None:
    shift = on_shift(store)
    assert shift.key not in staff.get().content.decode()


def test_the_page_says_who_has_what(store: Store, staff: Counter) -> None:
    shift = on_shift(store)
    handoff = carried_by(shift)
    page = staff.get().content.decode()
    assert f"#{handoff.order.daily_number} {handoff.order.account.slug}" in page
    assert "has not scanned the code yet" in page
    assert staff.post(f"{shift.rider_id}/end")[1] == [
        "Old Wang still has 1 order: let it be delivered first, or put it on the shelf."
    ]
    assert staff.post(f"{shift.rider_id}/end", put_back="on")[1] == [
        "The shift of Old Wang has ended; 1 order is back on the shelf."
    ]


def test_orders_in_the_hands_of_somebody_whose_shift_ran_out_are_not_forgotten(
    store: Store, staff: Counter
) -> None:
    shift = on_shift(store)
    handoff = carried_by(shift)
    Shift.objects.update(ends_at=after(30))
    page = staff.get().content.decode()
    assert "Still in hand, without a shift:" in page
    assert f"#{handoff.order.daily_number} {handoff.order.account.slug}" in page


def test_managers_alone_take_on_rename_and_let_go(store: Store, staff: Counter, manager: Counter) -> None:
    rider = make_rider(store)
    assert staff.post("new", name="Ann", phone="")[0] == 404
    assert staff.post(f"{rider.pk}/rename", name="Ann")[0] == 404
    assert staff.post(f"{rider.pk}/let-go")[0] == 404
    assert manager.post("new", name=" Ann  Lee ", phone="1") == (200, ["Ann Lee rides for the store now."])
    assert manager.post("new", name="", phone="1") == (200, ["Give a name of at most 60 letters."])
    assert manager.post("new", name="x" * 61) == (200, ["Give a name of at most 60 letters."])
    assert manager.post(f"{rider.pk}/rename", name="Wang") == (200, ["Saved: Wang."])
    assert manager.post(f"{rider.pk}/let-go") == (200, ["Wang rides for the store no more."])
    assert list(Rider.objects.values_list("name", "active")) == [("Ann Lee", True), ("Wang", False)]


@pytest.mark.parametrize("verb", ["start", "end", "new-link", "rename", "let-go", "dance"])
def test_another_stores_rider_is_not_there(manager: Counter, verb: str) -> None:
    shift = on_shift()
    assert manager.post(f"{shift.rider_id}/{verb}", name="x")[0] == 404
    assert manager.get(f"{shift.rider_id}/link").status_code == 404
    assert Shift.objects.get().key == shift.key


def test_a_report_is_shown_as_written_and_its_photo_as_a_photo(store: Store, staff: Counter) -> None:
    shift = on_shift(store)
    facts = {"rider": shift.rider, "kind": "problem", "code": "damaged", "at": NOW}
    note = "<script>alert(1)</script>"
    report = RiderReport.objects.create(
        handoff=carried_by(shift), command="1", note=note, photo=PLAIN_PHOTO, **facts
    )
    other = on_shift()
    foreign = RiderReport.objects.create(
        handoff=carried_by(other), command="1", photo=PLAIN_PHOTO, **{**facts, "rider": other.rider}
    )
    page = staff.get().content.decode()
    assert "Spilled or damaged" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    photo = staff.get(f"reports/{report.pk}/photo")
    assert (photo.content, photo["Content-Type"]) == (PLAIN_PHOTO, "image/jpeg")
    assert (photo["X-Content-Type-Options"], photo["Cache-Control"]) == ("nosniff", "private, no-store")
    assert staff.get(f"reports/{foreign.pk}/photo").status_code == 404


def near(store: Store, number: str, east: float, **values: Any) -> Order:
    """An order some kilometres east of the store."""
    place = {"latitude": store.latitude, "longitude": store.longitude + east / 95.1}
    return make_order(store, daily_number=number, promised_at=after(2_400), **place, **values)


def numbers(store: Store) -> list[tuple[str, list[str]]]:
    """Rider and daily numbers of each proposed run."""
    proposals = propose(store, now=after(60))
    return [(one.rider.name, [stop.bag.order.daily_number for stop in one.stops]) for one in proposals]


def test_ready_orders_are_shared_out_over_those_who_are_free(store: Store) -> None:
    busy, free = on_shift(store, "Busy"), on_shift(store, "Free")
    make_rider(store, "At home")
    ended = on_shift(store, "Gone")
    end_shift(shift=ended, actor=MEI, now=after(1))
    carried_by(busy)
    for number, east in (("1", 1), ("2", 1.1), ("3", -1)):
        near(store, number, east)
    near(store, "4", 0.5, state="making")
    near(store, "5", 0.5, fulfilment="pickup")
    near(make_store(), "6", 0.5)
    assert numbers(store) == [("Free", ["3", "1", "2"])]
    on_shift(store, "Fresh", at=after(30))
    assert numbers(store) == [("Free", ["1", "2"]), ("Fresh", ["3"])]
    assert free.rider.name == "Free"


def test_no_run_without_riders_or_orders(store: Store) -> None:
    near(store, "1", 1)
    assert numbers(store) == []
    on_shift(store)
    Order.objects.all().delete()
    assert numbers(store) == []


def test_a_run_says_when_each_guest_is_served_and_who_waits_too_long(store: Store) -> None:
    on_shift(store)
    order = near(store, "1", 1)
    Order.objects.filter(pk=order.pk).update(promised_at=after(100))
    (run,) = propose(store, now=after(60))
    assert [(stop.bag.order, stop.at, stop.late) for stop in run.stops] == [(order, after(60 + 413), True)]
    assert (run.late, run.cups, run.back) == (1, 2, after(473))


def test_a_run_is_given_with_one_tap(store: Store, staff: Counter) -> None:
    shift = on_shift(store)
    orders = [near(store, "1", 1), near(store, "2", 1.1)]
    form = {"rider": shift.rider_id, "bag": [f"{order.pk}.1" for order in orders], "command": "tap"}
    assert staff.post("runs", **form) == (200, ["Old Wang takes 2 bags along."])
    given = HandOff.objects.values_list("order", "rider", "created_label").order_by("order")
    assert list(given) == [(order.pk, shift.rider_id, "Mei") for order in orders]
    assert staff.post("runs", **form) == (200, ["Old Wang takes 2 bags along."])
    assert HandOff.objects.count() == 2


def test_of_a_run_that_was_overtaken_each_order_says_what_became_of_it(store: Store) -> None:
    shift, other = on_shift(store), on_shift(store, "Young Li")
    orders = [near(store, "1", 1), near(store, "2", 1), near(store, "3", 1)]
    hand_to_rider(order_id=orders[1].pk, rider=other.rider, actor=MEI, now=NOW)
    Order.objects.filter(pk=orders[2].pk).update(state="cancelled")
    with boards_follow(after(60)):
        given = assign(
            store=store,
            rider=shift.rider,
            bags=[(order.pk, 1) for order in [*orders, near(make_store(), "4", 1)]],
            actor=MEI,
            now=after(60),
            command="tap",
        )
    assert [(one.order.daily_number, one.done, one.detail) for one in given] == [
        ("1", True, ""),
        ("2", False, "The order has been handed off already."),
        ("3", False, "Only an order that is being made or ready can be handed off."),
    ]


def test_an_order_too_large_for_one_is_shared_out_bag_by_bag(store: Store) -> None:
    one, two = on_shift(store), on_shift(store, "Young Li", at=after(1))
    order = near(store, "1", 1, cups=20)
    runs = propose(store, now=after(60))
    bags = [[(stop.bag.bag, stop.bag.bags) for stop in run.stops] for run in runs]
    assert (bags, [run.cups for run in runs]) == ([[(1, 2)], [(2, 2)]], [10, 10])
    given: dict[str, Any] = {"store": store, "actor": MEI, "now": after(60), "command": "tap"}
    for rider, bag in ((one.rider, 1), (two.rider, 2)):
        (result,) = assign(rider=rider, bags=[(order.pk, bag)], **given)
        assert result.done
    carried = HandOff.objects.values_list("rider", "bag", "bags").order_by("bag")
    assert list(carried) == [(one.rider_id, 1, 2), (two.rider_id, 2, 2)]
    assert [stop["cups"] for stop in Phone(two).stops()["stops"]] == [10]
    assert propose(store, now=after(60)) == []


@pytest.mark.parametrize("form", [{}, {"rider": "x"}, {"rider": "9" * 30}, {"rider": "0"}])
def test_a_run_for_nobody_is_not_there(staff: Counter, form: dict[str, str]) -> None:
    assert staff.post("runs", **form)[0] == 404


def test_orders_that_are_not_the_stores_are_not_there(store: Store, staff: Counter) -> None:
    shift = on_shift(store)
    foreign = near(make_store(), "1", 1)
    told = ["These orders are not here any more."]
    assert staff.post("runs", rider=shift.rider_id, bag=[f"{foreign.pk}.1"]) == (200, told)
    assert not HandOff.objects.exists()


@pytest.mark.parametrize("riders", [1, 4])
def test_the_page_asks_the_database_as_often_for_many_riders(
    store: Store, staff: Counter, riders: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(riders):
        carried_by(on_shift(store, f"Rider {number}"))
    on_shift(store, "Free")
    near(store, "1", 1)
    staff.get()
    with django_assert_max_num_queries(20) as asked:
        assert staff.get().status_code == 200
    assert len(asked) == 17
