"""Moving an order to a sibling store: both boards can follow, the platform's side stays right."""

from contextlib import ExitStack
from datetime import timedelta

import pytest

from orders import services
from orders.errors import CannotUndo, NotPossible, Stale
from orders.intake_switch import set_intake
from orders.jobs import store_code_of
from orders.models import Order, OrderEvent
from orders.moving import move, siblings
from orders.queries import recent_cards, snapshot
from orders.store_list import live_rows
from orders.tests.boards import watched
from orders.tests.factories import place_order
from orders.tests.people import at_once, pressing
from outbox.models import Job
from stores.actors import Actor
from stores.levels import IntakeLevel
from stores.models import IntakeState, Store, StoreChannel
from stores.tests.factories import StoreChannelFactory, StoreFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LIN, WEN = Actor("Lin"), Actor("Wen")


@pytest.fixture
def channel():
    return StoreChannelFactory()


@pytest.fixture
def sibling(channel):
    """Another store of the franchise, known to the same platform account; accepts by hand."""
    store = StoreFactory(franchise=channel.store.franchise, name="徐家汇店")
    StoreChannelFactory(store=store, account=channel.account)
    return store


@pytest.fixture
def order(channel, now):
    return place_order(channel, now=now)


def on_platform(channel, name):
    channel.account.channel = name
    channel.account.save()


def moving(order, target, now, **more):
    facts = {"from_store_id": order.store_id, "to_store_id": target.pk, "actor": WEN, "now": now, **more}
    return move(order_id=order.pk, **facts)


@pytest.fixture
def both(channel, sibling, now):
    """Watches the boards of both stores; gives a function for what either saw."""

    def watch(at=now):
        stack = ExitStack()
        seen = {store.pk: stack.enter_context(watched(store, now=at)) for store in (channel.store, sibling)}
        return stack, seen

    return watch


@pytest.mark.parametrize("state", ["held", "placed", "accepted"])
def test_an_order_leaves_one_board_and_rings_at_the_other(sibling, order, now, both, state):
    Order.objects.filter(pk=order.pk).update(state=state)

    stack, seen = both()
    with stack:
        moving(order, sibling, now)

    ((left,), (came,)) = seen[order.store_id], seen[sibling.pk]
    assert (left["kind"], left["actor"], left["card"]["on_board"], left["store"]) == (
        "order.moved", "Wen", False, {"code": sibling.code, "name": "徐家汇店"},
    )  # fmt: skip
    assert (came["kind"], came["actor"], came["card"]["on_board"], came["store"]) == (
        "order.moved_in", "Wen", True, {"code": order.store.code, "name": "南京东路店"},
    )  # fmt: skip
    # Nothing is held in an open store; what is accepted stays so.
    assert came["card"]["state"] == ("accepted" if state == "accepted" else "placed")
    order.refresh_from_db()
    assert (order.store, Job.objects.count()) == (sibling, 0)


def test_the_wave_of_both_stores_moves_with_it(channel, sibling, order, now, both):
    stack, _ = both()
    with stack:
        moving(order, sibling, now)

    waves = [snapshot(store, now=now)["wave"] for store in (channel.store, sibling)]
    assert waves == [[], [[int(now.timestamp()), 0, 0, 1]]]


@pytest.mark.parametrize("minutes", [59, 60, 61, 180])
def test_an_order_of_long_ago_is_in_no_wave_that_boards_show(sibling, order, now, both, minutes):
    later = now + timedelta(minutes=minutes)
    stack, _ = both(at=later)
    with stack:
        moving(order, sibling, later)


def test_there_and_back_again(channel, sibling, order, now, both):
    stack, seen = both()
    with stack:
        moving(order, sibling, now)
        order.refresh_from_db()
        moving(order, channel.store, now)

    assert [event["kind"] for event in seen[channel.store_id]] == ["order.moved", "order.moved_in"]
    assert Order.objects.get(pk=order.pk).store == channel.store


def test_a_store_that_accepts_by_itself_accepts_it(channel, sibling, order, now):
    StoreChannel.objects.filter(store=sibling).update(auto_accept=True)

    with watched(sibling, now=now) as events:
        moving(order, sibling, now)

    assert (events[0]["card"]["state"], events[0]["card"]["undo"]) == ("accepted", None)
    job = Job.objects.get()
    assert (job.payload["call"], job.due_at) == ("order.accepted", now)


def test_the_platform_goes_on_naming_the_store_it_sold_it_for(channel, sibling, order, now):
    Order.objects.filter(pk=order.pk).update(platform_store_code="")

    moving(order, sibling, now)

    order.refresh_from_db()
    assert store_code_of(order) == order.platform_store_code == channel.external_code


def test_a_platforms_rider_is_called_off_where_the_platform_hears_it(channel, sibling, order, now):
    on_platform(channel, "eleme")
    rider = {"carrier": "platform", "state": "confirmed", "progress": "assigned"}
    Order.objects.filter(pk=order.pk).update(state="accepted", fulfilment="platform_courier", delivery=rider)

    with watched(sibling, now=now) as events:
        moving(order, sibling, now)

    card = events[0]["card"]
    assert (card["fulfilment"], card["delivery"]) == ("store_courier", None)
    job = Job.objects.get()
    assert (job.payload["call"], job.payload["data"]) == ("order.self_delivery", {})


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"fulfilment": "pickup"}, "picks this order up"),
        ({"fulfilment": "platform_courier"}, "cannot be told"),
        ({"delivery": {"carrier": "own", "state": "confirmed"}}, "rider off first"),
        ({"delivery": {"carrier": "dada", "state": "cancelling"}}, "rider off first"),
    ],
)
def test_whoever_comes_for_it_must_not_come_to_the_wrong_store(sibling, order, now, fields, why):
    Order.objects.filter(pk=order.pk).update(**fields)

    refused(order, sibling, now, why)


def test_a_platforms_rider_who_is_there_takes_it_from_there(channel, sibling, order, now):
    on_platform(channel, "meituan")
    there = {"carrier": "platform", "state": "confirmed", "progress": "at_store"}
    Order.objects.filter(pk=order.pk).update(fulfilment="platform_courier", delivery=there)

    refused(order, sibling, now, "at your store")


def test_a_rider_who_was_called_off_stands_in_nobodys_way(sibling, order, now):
    gone = {"carrier": "own", "state": "cancelled", "progress": "assigned"}
    Order.objects.filter(pk=order.pk).update(delivery=gone)

    with watched(sibling, now=now) as events:
        moving(order, sibling, now)
    assert events[0]["card"]["delivery"] is None


def refused(order, target, now, why):
    before = list(Order.objects.values())
    with pytest.raises(NotPossible, match=why):
        moving(order, target, now)
    assert (list(Order.objects.values()), OrderEvent.objects.exclude(kind="order.placed").count()) == (
        before,
        0,
    )


def test_a_paused_store_takes_nothing(sibling, order, now):
    IntakeState.objects.filter(store=sibling).update(level="paused")

    refused(order, sibling, now, "is paused")


def test_only_stores_of_the_franchise_with_a_board_come_into_question(channel, order, now):
    IntakeState.objects.filter(store=(closed := StoreFactory(franchise=channel.store.franchise))).delete()

    refused(order, closed, now, "no board")
    refused(order, StoreFactory(), now, "different franchises")
    refused(order, channel.store, now, "already")


@pytest.mark.parametrize("state", ["making", "ready", "collected", "delivered", "rejected", "cancelled"])
def test_what_somebody_has_begun_stays(sibling, order, now, state):
    Order.objects.filter(pk=order.pk).update(state=state)

    with pytest.raises(Stale):
        moving(order, sibling, now)
    assert Order.objects.get(pk=order.pk).store_id == order.store_id


def test_the_next_step_is_taken_at_the_new_store(channel, sibling, order, now, both):
    stack, seen = both()
    with stack:
        moving(order, sibling, now)
        services.step(order_id=order.pk, verb="accept", actor=LIN, now=now)
        services.reveal_phone(order_id=order.pk, actor=LIN, now=now)

    assert [event["kind"] for event in seen[channel.store_id]] == ["order.moved"]
    assert [event["kind"] for event in seen[sibling.pk]] == [
        "order.moved_in",
        "order.accepted",
        "order.phone_revealed",
    ]
    # The last to touch it is found although the other store's numbers may be higher.
    with pytest.raises(Stale) as refusal:
        services.step(order_id=order.pk, verb="accept", actor=WEN, now=now)
    assert refusal.value.by == "Lin"


def test_a_step_before_the_move_cannot_be_taken_back_after_it(sibling, order, now):
    services.step(order_id=order.pk, verb="accept", actor=LIN, now=now)
    moving(order, sibling, now)

    with pytest.raises(CannotUndo):
        services.undo(order_id=order.pk, actor=LIN, now=now)
    assert Order.objects.get(pk=order.pk).state == "accepted"


def test_lists_and_loads_are_the_new_stores(channel, sibling, order, now):
    moving(order, sibling, now)
    services.step(order_id=order.pk, verb="cancel", actor=LIN, now=now)
    services.dismiss(order_id=order.pk, actor=LIN, now=now)

    assert [card["id"] for card in recent_cards(sibling, now=now)] == [order.pk]
    assert recent_cards(channel.store, now=now) == []


def test_a_move_sent_twice_is_one_and_answers_the_same(sibling, order, now, both):
    stack, seen = both()
    with stack:
        outcomes = [moving(order, sibling, now, command="c-1") for _ in range(2)]

    assert outcomes == [outcomes[0]] * 2
    assert (outcomes[0].card["on_board"], outcomes[0].seq) == (False, seen[order.store_id][0]["seq"])
    assert len(seen[sibling.pk]) == 1


def test_siblings_are_offered_with_their_distance_and_load(channel, order, now):
    franchise = channel.store.franchise
    far = StoreFactory(franchise=franchise, latitude=31.50, longitude=121.48)
    near = StoreFactory(franchise=franchise, latitude=31.24, longitude=121.48)
    StoreFactory(latitude=31.23, longitude=121.48)
    busy = StoreChannelFactory(store=near, account=channel.account)
    for number in range(3):
        place_order(busy, now=now, order_id=f"B-{number}")
    set_intake(store_id=far.pk, level=IntakeLevel.PAUSED, reason="", actor=LIN, now=now)

    found = siblings(order=order, store=channel.store, among=Store.objects.all())

    assert [
        (one.row.store, round(one.kilometres, 1), one.row.waiting, one.row.minutes, one.row.paused)
        for one in found
    ] == [(near, 1.1, 3, 3, False), (far, 30.0, 0, 0, True)]
    Order.objects.filter(pk=order.pk).update(latitude=None)
    order.refresh_from_db()
    nearest = siblings(order=order, store=channel.store, among=Store.objects.all())[0]
    assert (nearest.row.store, round(nearest.kilometres, 1)) == (near, 0.7)
    assert live_rows([channel.store])[0].waiting == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_managers_who_move_it_at_once_one_does(channel, sibling, now):
    order = place_order(channel, now=now)
    other = StoreFactory(franchise=channel.store.franchise)
    targets = {"Wen": sibling, "Ke": other, "Lu": sibling}

    def press(name):
        moving(order, targets[name], now, actor=Actor(name))

    outcomes = at_once(*(pressing(press, name) for name in targets))

    winner = OrderEvent.objects.get(kind="order.moved").actor_label
    assert sorted(outcomes) == sorted(["done", winner, winner])
    order.refresh_from_db()
    assert order.store == targets[winner]


@pytest.mark.django_db(transaction=True)
def test_orders_that_cross_on_their_way_hold_up_none(channel, sibling, now):
    theirs = StoreChannel.objects.select_related("store", "account").get(store=sibling)
    away = [place_order(channel, now=now, order_id=f"A-{n}") for n in range(3)]
    back = [place_order(theirs, now=now, order_id=f"B-{n}") for n in range(3)]

    with watched(channel.store, now=now), watched(sibling, now=now):
        at_once(
            *(lambda order=order: moving(order, sibling, now) for order in away),
            *(lambda order=order: moving(order, channel.store, now) for order in back),
        )

    here = set(Order.objects.filter(store=channel.store).values_list("external_id", flat=True))
    assert (here, Order.objects.filter(store=sibling).count()) == ({"B-0", "B-1", "B-2"}, 3)


@pytest.mark.django_db(transaction=True)
def test_an_order_is_begun_here_or_moved_and_both_boards_know(channel, sibling, now):
    order = place_order(channel, now=now)
    Order.objects.filter(pk=order.pk).update(state="accepted")

    with watched(channel.store, now=now), watched(sibling, now=now):
        outcomes = at_once(
            pressing(lambda name: moving(order, sibling, now), "Wen"),
            pressing(lambda name: services.step(order_id=order.pk, verb="start", actor=LIN, now=now), "Lin"),
        )

    order.refresh_from_db()
    begun_first = (order.store, order.state) == (channel.store, "making")
    moved_first = (order.store, order.state) == (sibling, "making")
    assert (begun_first, moved_first) in {(True, False), (False, True)}
    assert sorted(outcomes) == (["Lin", "done"] if begun_first else ["done", "done"])


@pytest.mark.django_db(transaction=True)
def test_a_pause_of_the_target_comes_before_the_move_or_after_it(channel, sibling, now):
    order = place_order(channel, now=now)

    def pause():
        set_intake(store_id=sibling.pk, level=IntakeLevel.PAUSED, reason="", actor=LIN, now=now)
        return "paused"

    def shift():
        try:
            moving(order, sibling, now)
        except NotPossible:
            return "refused"
        return "moved"

    outcomes = at_once(pause, shift)

    order.refresh_from_db()
    assert sorted(outcomes) in (["moved", "paused"], ["paused", "refused"])
    events = OrderEvent.objects.filter(store=sibling).order_by("seq").values_list("kind", flat=True)
    came = ["order.moved_in", "intake.changed"] if "moved" in outcomes else ["intake.changed"]
    assert list(events) == came
