"""What pretend staff presses: oldest first, no faster than the counter."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox import habits
from sandbox.habits import Press

NOW = datetime(2026, 2, 6, 4, 0, tzinfo=UTC)


def at(seconds):
    return (NOW - timedelta(seconds=seconds)).isoformat()


def card(number, state, *, cups=2, age=60.0, **facts):
    times = dict.fromkeys(("placed_at", "received_at", "ready_at", "ended_at"), at(age))
    return {
        "id": number,
        "state": state,
        "cups": cups,
        "fulfilment": "platform_courier",
        "delivery": None,
        **times,
        **facts,
    }


def delivery(carrier, progress, age, state="claimed", search=None):
    known = {"state": search} if search else None
    return {"carrier": carrier, "progress": progress, "state": state, "since": at(age), "search": known}


def test_only_as_many_cups_are_finished_as_there_was_time_for():
    cards = [card(2, "making", age=50), card(1, "making", age=60), card(3, "making", age=40)]
    assert habits.presses(cards, 5.0, NOW) == ([Press(1, "ready"), Press(2, "ready")], 1.0)


def test_no_more_is_started_than_hands_can_hold():
    cards = [card(number, "accepted", age=100 - number) for number in range(habits.HANDS + 3)]
    found, _ = habits.presses(cards, 0.0, NOW)
    assert found == [Press(number, "start") for number in range(habits.HANDS)]


OWN_IDLE, OWN_LEAVES = delivery("own", "", 2), delivery("own", "", 9)
OWN_ROAD, OWN_THERE = delivery("own", "picked_up", 9), delivery("own", "picked_up", 40)
STORE = {"fulfilment": "store_courier"}


@pytest.mark.parametrize(
    ("found", "verb"),
    [
        (card(1, "placed", age=1), None),
        (card(1, "placed"), "accept"),
        (card(1, "held"), None),
        (card(1, "cancelled", age=2), None),
        (card(1, "cancelled"), "dismiss"),
        (card(1, "ready", age=3), None),
        (card(1, "ready"), "collect"),
        (card(1, "ready", age=10, fulfilment="pickup"), None),
        (card(1, "ready", age=13, fulfilment="pickup"), "collect"),
        (card(1, "ready", **STORE), "handoff"),
        (card(1, "ready", **STORE, delivery=delivery("dada", "", 9, "failed")), "handoff"),
        (card(1, "ready", **STORE, delivery=delivery("", "", 1, "", "idle")), "handoff"),
        (card(1, "ready", **STORE, delivery=delivery("", "", 9, "", "seeking")), None),
        (card(1, "ready", **STORE, delivery=delivery("dada", "", 9, "failed", "offered")), None),
        (card(1, "ready", **STORE, delivery=delivery("dada", "", 9, "failed", "nobody")), None),
        (card(1, "ready", **STORE, delivery=delivery("dada", "", 21, "failed", "nobody")), "handoff"),
        (card(1, "ready", **STORE, delivery=delivery("dada", "searching", 9, "sent")), None),
        (card(1, "ready", **STORE, delivery=OWN_IDLE), None),
        (card(1, "ready", **STORE, delivery=OWN_LEAVES), "handoff/picked-up"),
        (card(1, "collected", **STORE, delivery=OWN_ROAD), None),
        (card(1, "collected", **STORE, delivery=OWN_THERE), "handoff/delivered"),
    ],
)
def test_a_card_is_pressed_when_it_is_due(found, verb):
    assert habits.presses([found], 0.0, NOW)[0] == ([Press(1, verb)] if verb else [])


@pytest.mark.parametrize(
    ("level", "cups", "wish"),
    [("open", 150, "open"), ("open", 151, "paused"), ("paused", 40, "paused"), ("paused", 39, "open")],
)
def test_a_careful_counter_pauses_when_full_and_opens_when_nearly_done(level, cups, wish):
    assert habits.intake_wish(level, cups, cups_per_second=1.0) == wish


def offer(number, fee, kind="courier"):
    return {"kind": kind, "id": number, "fee": fee, "quote": f"q{number}"}


@pytest.mark.parametrize(
    ("offers", "body"),
    [
        ([offer(1, 900), offer(2, 700), offer(3, None), offer(4, 0, "rider")], {"courier": 2, "quote": "q2"}),
        ([offer(3, None)], {"auto": True}),
    ],
)
def test_the_cheapest_courier_is_taken_at_its_price(offers, body):
    assert habits.take_offer(offers) == body
