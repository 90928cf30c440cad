"""The frames boards receive, as JSON text (pure). `docs/events.md` describes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from orders.cards import iso


def encode(value: Any) -> str:
    """Compact JSON text."""
    return to_json(value).decode()


def event_body(*, seq: int, kind: str, at: datetime, actor: str, content: str) -> str:
    """One event. `content` is the encoded rest of the object: `"card":{…}` or `"intake":{…}`."""
    name = encode(actor)
    return f'{{"seq":{seq},"kind":"{kind}","at":"{iso(at)}","actor":{name},{content}}}'


def events_frame(*, epoch: str, seq: int, bodies: Sequence[str]) -> str:
    """Events in number order; `seq` is the top number a board has after them."""
    return f'{{"type":"events","epoch":"{epoch}","seq":{seq},"events":[{",".join(bodies)}]}}'


def beat_frame(*, epoch: str, seq: int, at: datetime) -> str:
    """The heartbeat: the top number of the store, so that a board knows what it misses."""
    return f'{{"type":"beat","epoch":"{epoch}","seq":{seq},"at":"{iso(at)}"}}'
