"""The proof every service test carries: old snapshot + events = fresh snapshot."""

import copy
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from orders.models import OrderEvent
from orders.queries import catch_up, snapshot
from stores.models import Store

FUNDING_COLUMN = {"paid": 1, "subsidised": 2, "free": 3}
# What an event adds to the wave: a moved order takes its minute along.
ADDED = {"order.placed": 1, "order.moved_in": 1, "order.moved": -1}
WAVE = timedelta(hours=1)


@contextmanager
def watched(store: Store, *, now: datetime) -> Iterator[list[dict[str, Any]]]:
    """Run an action and assert that a board that saw it live shows what a fresh board shows.

    Gives the list that the action's events are put into. `now` must be the time of the action.
    """
    before = plain(snapshot(store, now=now))
    seen: list[dict[str, Any]] = []
    yield seen
    frame, _, _ = catch_up(store, epoch=before["epoch"], seq=before["seq"], now=now)
    events = json.loads(frame)
    assert events["type"] == "events", "the gap was answered with a snapshot"
    after = plain(snapshot(store, now=now))
    assert apply(before, events) == after
    stored = OrderEvent.objects.filter(store=store, seq__gt=before["seq"]).order_by("seq")
    assert [json.loads(event.body) for event in stored] == events["events"]
    seen.extend(events["events"])
    _keep_for_node({"before": before, "frames": [events], "after": after})


def _keep_for_node(case: dict[str, Any]) -> None:
    """Leave the case for the JavaScript reducer's tests, which `make test` runs after these."""
    if folder := os.environ.get("PORTAL_FEED_CASES"):
        case["name"] = os.environ["PYTEST_CURRENT_TEST"]
        path = Path(folder) / f"{uuid.uuid4()}.json"
        path.write_text(json.dumps(case, ensure_ascii=False))


def plain(value: Any) -> Any:
    """As a browser gets it: through JSON."""
    return json.loads(json.dumps(value))


def apply(board: dict[str, Any], frame: dict[str, Any]) -> dict[str, Any]:
    """The reducer of `static/js/board/state.js`, in Python."""
    board = copy.deepcopy(board)
    cards = {card["id"]: card for card in board["cards"]}
    wave = {row[0]: row for row in board["wave"]}
    for event in frame["events"]:
        if event["seq"] <= board["seq"]:
            continue
        assert event["seq"] == board["seq"] + 1, "a number is missing"
        board["seq"] = event["seq"]
        board["intake"] = event.get("intake", board["intake"])
        if card := event.get("card"):
            cards.pop(card["id"], None)
            if card["on_board"]:
                cards[card["id"]] = card
            _count(wave, event)
    board["cards"] = [cards[number] for number in sorted(cards)]
    board["wave"] = [wave[minute] for minute in sorted(wave) if any(wave[minute][1:])]
    return board


def _count(wave: dict[int, list[int]], event: dict[str, Any]) -> None:
    card, added = event["card"], ADDED.get(event["kind"], 0)
    received = datetime.fromisoformat(card["received_at"])
    if added and datetime.fromisoformat(event["at"]) - received <= WAVE:
        minute = int(received.timestamp()) // 60 * 60
        wave.setdefault(minute, [minute, 0, 0, 0])[FUNDING_COLUMN[card["funding"]]] += added
