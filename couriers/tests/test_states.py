"""The table of moves and the rules for reports."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from couriers.states import (
    LIVE,
    NEXT,
    HandOffState,
    Known,
    Outcome,
    Progress,
    Verdict,
    judge,
    state_after,
)

T = datetime(2026, 2, 6, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_every_state_has_its_moves_and_only_the_ended_have_none() -> None:
    assert set(NEXT) == set(HandOffState)
    assert {state for state in HandOffState if not NEXT[state]} == set(HandOffState) - LIVE


def test_a_call_is_made_from_pending_or_to_find_out_under_the_same_number() -> None:
    from_where = [state for state in HandOffState if HandOffState.CLAIMED in NEXT[state]]
    assert from_where == [HandOffState.PENDING, HandOffState.UNKNOWN]


@pytest.mark.parametrize(
    ("known", "reported", "at", "verdict"),
    [
        ("", Progress.ASSIGNED, T, Verdict.TAKEN),
        ("searching", Progress.ASSIGNED, T + SECOND, Verdict.TAKEN),
        ("searching", Progress.SEARCHING, T + SECOND, Verdict.REPEATED),
        ("assigned", Progress.SEARCHING, T + SECOND, Verdict.TAKEN),
        ("at_store", Progress.SEARCHING, T + SECOND, Verdict.TAKEN),
        ("at_store", Progress.SEARCHING, T, Verdict.CONFLICT),
        ("at_store", Progress.SEARCHING, T - SECOND, Verdict.OLDER),
        ("picked_up", Progress.SEARCHING, T + SECOND, Verdict.BACKWARD),
        ("picked_up", Progress.AT_STORE, T + SECOND, Verdict.BACKWARD),
        ("picked_up", Progress.AT_STORE, None, Verdict.BACKWARD),
        ("assigned", Progress.AT_STORE, T, Verdict.TAKEN),
        ("assigned", Progress.PICKED_UP, T - SECOND, Verdict.OLDER),
        ("picked_up", Progress.RETURNING, None, Verdict.TAKEN),
        ("returning", Progress.RETURNED, T + SECOND, Verdict.TAKEN),
        ("returned", Progress.DELIVERED, T + SECOND, Verdict.BACKWARD),
    ],
)
def test_reports_move_forward_but_for_a_rider_who_gives_up(
    known: str, reported: Progress, at: datetime | None, verdict: str
) -> None:
    assert judge(Known(known, T if known else None), reported, at) == verdict


@pytest.mark.parametrize(
    ("state", "report", "after"),
    [
        ("claimed", Progress.SEARCHING, "sent"),
        ("unknown", Progress.ASSIGNED, "confirmed"),
        ("confirmed", Progress.SEARCHING, "sent"),
        ("cancelling", Progress.PICKED_UP, "cancelling"),
        ("cancelling", Progress.DELIVERED, "delivered"),
        ("cancelling", Outcome.CANCELLED, "cancelled"),
        ("confirmed", Outcome.CANCELLED, "failed"),
        ("sent", Outcome.FAILED, "failed"),
        ("confirmed", Progress.RETURNED, "failed"),
    ],
)
def test_the_state_follows_the_report(state: str, report: Any, after: str) -> None:
    assert state_after(state, report) == after


@pytest.mark.parametrize("state", sorted(LIVE))
@pytest.mark.parametrize("report", [*Progress, *Outcome])
def test_whatever_is_reported_there_is_a_move_for_it(state: str, report: Any) -> None:
    target = state_after(state, report)
    assert target == state or target in NEXT[state]
