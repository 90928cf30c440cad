"""What platforms say of an order: the same messages lead to the same order, whatever their order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.channels.incoming import Asked, Carried, Standing, Urged
from orders.following import FOLLOWED, follow, needs_answer
from orders.intake.rows import UNTOUCHED

NOW = datetime(2026, 2, 6, 2, 0, tzinfo=UTC)
PLACED = {
    **UNTOUCHED,
    "state": "placed", "fulfilment": "platform_courier", "on_board": True, "platform_state": "placed",
}  # fmt: skip


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def after(*changes, order=None):
    """The order once it heard `changes`, and the kinds of their events."""
    order, kinds = {**PLACED, **(order or {})}, []
    for number, change in enumerate(changes):
        changed, kind = follow(order, change, now=at(1_000 + number))
        order |= changed
        kinds += [kind] if kind else []
    return order, kinds


# Two things a platform says at the same second must not differ in what only people read.
moments = st.integers(0, 5).map(at)
changes = st.one_of(
    st.builds(Standing, st.sampled_from(["accepted", "completed", "cancelled"]), moments),
    st.builds(Urged, st.sampled_from(["", "u-1", "u-2"]), moments),
    st.builds(
        Asked,
        st.sampled_from(["cancel"]),
        st.sampled_from(["applied", "withdrawn", "refused", "agreed"]),
        moments,
    ),
    st.builds(
        Carried,
        st.sampled_from(["searching", "assigned", "at_store", "picked_up", "delivered", "failed", "store"]),
        moments,
    ),
)
# When it happened by our clock, and who said so, depends on what came first; where it ends does not.
SETTLED = [name for name in FOLLOWED if not name.endswith("_at") and name not in {"end_reason", "ended_by"}]


@given(st.lists(changes, max_size=7).flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_the_same_messages_in_any_order_lead_to_the_same_order(both):
    first, second = (after(*told)[0] for told in both)
    assert {name: first[name] for name in SETTLED} == {name: second[name] for name in SETTLED}
    assert first["urged_at"] == second["urged_at"]


@given(st.lists(changes.filter(lambda change: not isinstance(change, Urged)), max_size=6))
def test_what_was_said_before_says_nothing_new(told):
    once, _ = after(*told)
    assert after(*told, order=once) == (once, [])


def test_an_order_follows_its_platform_from_acceptance_to_the_guest():
    order, kinds = after(
        Standing("accepted", at(1)),
        Carried("searching", at(2)),
        Carried("assigned", at(3), rider_name="小张", rider_phone="13900001111"),
        Carried("picked_up", at(4), rider_name="小张"),
        Standing("completed", at(5)),
    )
    assert kinds == [
        "order.accepted",
        "order.delivery",
        "order.delivery",
        "order.collected",
        "order.delivered",
    ]
    assert (order["state"], order["platform_state"], order["on_board"]) == ("delivered", "completed", False)
    assert (order["delivery"]["carrier"], order["delivery"]["progress"]) == ("platform", "picked_up")


def test_a_delivery_that_a_platform_takes_back_is_cancelled_and_seen():
    order, kinds = after(Standing("completed", at(1)), Standing("cancelled", at(2), "退款", "customer"))
    assert (order["state"], order["on_board"], order["end_reason"]) == ("cancelled", True, "退款")
    assert kinds == ["order.delivered", "order.cancelled"]


@pytest.mark.parametrize(
    ("ours", "told", "conflict", "kinds"),
    [
        ("rejected", "accepted", "accepted", ["order.conflict"]),
        ("rejected", "completed", "completed", ["order.conflict"]),
        ("cancelled", "completed", "completed", ["order.conflict"]),
        ("rejected", "cancelled", "", []),
        ("cancelled", "accepted", "", []),
        ("ready", "accepted", "", []),
    ],
)
def test_what_cannot_both_be_true_is_a_conflict(ours, told, conflict, kinds):
    order, happened = after(Standing(told, at(1)), order={"state": ours})
    assert (order["state"], order["conflict"], happened) == (ours, conflict, kinds)


def test_a_conflict_ends_when_the_platform_comes_round():
    order, kinds = after(
        Standing("accepted", at(1)), Standing("cancelled", at(2)), order={"state": "rejected"}
    )
    assert (order["conflict"], kinds) == ("", ["order.conflict", "order.conflict"])


def test_a_request_waits_for_its_answer_and_says_until_when():
    order, kinds = after(Asked("cancel", "applied", at(0), "等太久了"))
    assert order["request"] == {
        "about": "cancel", "step": "applied", "at": "2026-02-06T02:00:00.000Z", "reason": "等太久了",
        "whole": True, "amount": None, "ref": "", "answer_by": "2026-02-06T02:15:00.000Z", "answered": None,
    }  # fmt: skip
    assert (kinds, needs_answer(order["request"], order["state"])) == (["order.asked"], True)

    order, _ = after(Asked("cancel", "withdrawn", at(5)), order=order)
    assert (needs_answer(order["request"], order["state"]), order["request"]["answer_by"]) == (False, None)


@pytest.mark.parametrize(
    ("about", "state", "waits"),
    [
        ("cancel", "making", True),
        ("cancel", "cancelled", False),
        ("cancel", "delivered", True),
        ("refund", "delivered", True),
        ("refund", "cancelled", True),
    ],
)
def test_who_asks_for_what_decides_whether_it_still_matters(about, state, waits):
    order, _ = after(Asked(about, "applied", at(0)))
    assert needs_answer(order["request"], state) is waits


def test_a_platform_that_leaves_the_delivery_to_the_store_says_no_more_of_its_riders():
    order, _ = after(
        Carried("searching", at(1)), Carried("store", at(2)), Carried("assigned", at(3), rider_name="小张")
    )
    assert (order["fulfilment"], order["delivery"]) == ("store_courier", None)


def test_older_words_about_a_rider_do_not_overtake_newer_ones():
    order, kinds = after(Carried("at_store", at(5)), Carried("assigned", at(3)))
    assert (order["delivery"]["progress"], kinds) == ("at_store", ["order.delivery"])


def test_a_rider_who_gave_up_is_looked_for_again():
    order, _ = after(Carried("assigned", at(1), rider_name="小张"), Carried("searching", at(2)))
    assert (order["delivery"]["progress"], order["delivery"]["rider"]) == ("searching", "")


def test_the_last_urge_by_the_platforms_clock_is_the_one_to_answer():
    order, _ = after(Urged("u-2", at(9)), Urged("u-1", at(3)))
    assert (order["urges"], order["urge_ref"], order["urged_at"]) == (2, "u-2", at(9))
