"""What a platform tells when it is asked, on its way through the writer that also takes what it pushes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import DataError, IntegrityError

from orders.channels.calling import Pulled
from orders.channels.incoming import (
    Change,
    Content,
    Keys,
    Message,
    Placed,
    Proof,
    Rejected,
    Request,
    Standing,
    Unknown,
)
from orders.channels.registry import PUSHES
from orders.intake.delivery import Account, Delivery, Outcome, Place
from orders.intake.writer import write_batch
from orders.models import IncomingMessage, Order
from orders.states import PLATFORM_RANK, PlatformState
from stores.models import ChannelAccount, StoreChannel

logger = logging.getLogger(__name__)
Row = Mapping[str, Any]

BATCH = 100  # messages of one transaction: a list may be long, and boards wait for its counter rows
ON_ITS_WAY = timedelta(
    seconds=15
)  # an order this young has not been lost: its push is coming, or is here now
UNSTORABLE = (
    DataError,
    IntegrityError,
    ValueError,
    ArithmeticError,
)  # for what is in it, as in the committer


@dataclass(slots=True)
class Found:
    """What a comparison found so far (`orders.models.Reconciliation`); `problem` is the first one met."""

    asked: int = 0
    recovered: int = 0
    completed: int = 0
    changed: int = 0
    problem: str = ""

    def note(self, problem: str) -> None:
        """Something went wrong that stops nothing else."""
        self.problem = self.problem or problem


class Taker:
    """Takes what the platform of one account tells, and counts it in `found`."""

    def __init__(self, account: ChannelAccount, *, found: Found, now: datetime) -> None:
        keys = Keys(account.app_id, tuple(account.secret_list))
        self._account = Account(account.pk, account.channel, account.slug, keys)
        self._push = PUSHES[account.channel]
        bound = StoreChannel.objects.filter(account=account)
        self._places = {row.external_code: Place(row.store_id, row.auto_accept) for row in bound}
        self._found, self._now = found, now

    def take_missed(self, messages: Sequence[Pulled]) -> list[str]:
        """Commit messages that were not delivered; returns the refs of those that are stored now.

        One that cannot be read, or holds what no database stores, is kept as one of an unknown kind: it is in
        nobody's way, an admin sees it, and can have it done again once we understand it.
        """
        self._found.asked += len(messages)
        stored = []
        for batch in _batches(messages):
            deliveries = [self._missed(pulled) for pulled in batch]
            outcomes = self._write(deliveries, keep=True)
            for pulled, delivery, outcome in zip(batch, deliveries, outcomes, strict=True):
                self._count(delivery, outcome, known=None)
                if pulled.ref and outcome is not None:
                    stored.append(pulled.ref)
        return stored

    def take_orders(self, retold: Iterable[Pulled]) -> dict[str, str]:
        """Commit what is new about orders; returns where each stands there, by its number."""
        stands: dict[str, str] = {}
        for batch in _batches(retold):
            self._found.asked += len(batch)
            stands |= self._take_batch(batch)
        return stands

    def _take_batch(self, batch: Sequence[Pulled]) -> dict[str, str]:
        told = [(pulled, message) for pulled in batch if (message := self._read(pulled))]
        known = self._known(message.external_id for _, message in told)
        news = [
            self._retold(pulled, message)
            for pulled, message in told
            if is_news(message.content, known.get(message.external_id))
            and not self._is_on_its_way(message, known)
        ]
        for delivery, outcome in zip(news, self._write(news, keep=False), strict=True):
            self._count(delivery, outcome, known=known.get(delivery.message.external_id))
        stands = {message.external_id: stands_at(message.content) for _, message in told}
        return {number: state for number, state in stands.items() if state}

    def _is_on_its_way(self, message: Message, known: Mapping[str, Row]) -> bool:
        """A platform whose clock is wrong by more tells us nothing of an order's age."""
        placed = message.content
        if message.external_id in known or not isinstance(placed, Placed):
            return False
        return abs(self._now - placed.placed_at) < ON_ITS_WAY

    def _known(self, numbers: Iterable[str]) -> dict[str, Row]:
        """What is stored of these orders. One that waits for a store is known, and complete in its way."""
        wanted = list(numbers)
        waiting = IncomingMessage.objects.filter(
            account=self._account.id, external_id__in=wanted, outcome=IncomingMessage.Outcome.UNROUTED
        )
        last = {"complete": True, "platform_state": PlatformState.CANCELLED}
        unrouted = dict.fromkeys(waiting.values_list("external_id", flat=True), last)
        orders = Order.objects.filter(account=self._account.id, external_id__in=wanted)
        rows = orders.values("external_id", "complete", "platform_state")
        return {**unrouted, **{row["external_id"]: row for row in rows}}

    def _missed(self, pulled: Pulled) -> Delivery:
        message = self._read(pulled) or Message(pulled.kind, "", "", Unknown())
        return self._delivery(self._proof(pulled), message)

    def _retold(self, pulled: Pulled, message: Message) -> Delivery:
        """An order has no message id: the same words about it are the same message."""
        digest = hashlib.sha256(pulled.raw.encode()).hexdigest()
        name = f"pull.{message.external_id}.{digest[:32]}"
        return self._delivery(Proof(name, pulled.kind, pulled.raw, digest), message)

    def _proof(self, pulled: Pulled) -> Proof:
        """The very proof its push would have had, if the platform gives it as it was pushed; else our own."""
        raw = pulled.raw.encode()
        try:
            return self._push.verify(
                keys=self._account.keys, request=Request("POST", "", pulled.kind, "", {}, raw)
            )
        except Rejected:
            digest = hashlib.sha256(raw).hexdigest()
            return Proof(pulled.ref or f"pull.{digest}", pulled.kind, pulled.raw, digest)

    def _delivery(self, proof: Proof, message: Message) -> Delivery:
        placing = isinstance(message.content, Placed)
        place = self._places.get(message.store_code) if placing else None
        return Delivery(account=self._account, place=place, proof=proof, message=message, pulled=True)

    def _read(self, pulled: Pulled) -> Message | None:
        try:
            return self._push.parse(kind=pulled.kind, raw=pulled.raw)
        except Rejected as rejected:
            self._complain(pulled.ref or pulled.kind, f"cannot be read: {rejected.detail}")
            return None

    def _write(self, deliveries: Sequence[Delivery], *, keep: bool) -> list[Outcome | None]:
        """Commit them, one by one if one of them spoils it; None for what could not be stored."""
        if not deliveries:
            return []
        try:
            return list(write_batch(deliveries, now=self._now))
        except UNSTORABLE as error:
            logger.warning(
                "a batch of %d cannot be stored, writing it one by one: %s", len(deliveries), error
            )
        return [self._write_alone(delivery, keep=keep) for delivery in deliveries]

    def _write_alone(self, delivery: Delivery, *, keep: bool) -> Outcome | None:
        try:
            return write_batch([delivery], now=self._now)[0]
        except UNSTORABLE as error:
            self._complain(delivery.proof.delivery_id, f"cannot be stored ({type(error).__name__})")
        if not keep:
            return None
        unread = Message(delivery.proof.kind, "", "", Unknown())
        return self._write_alone(replace(delivery, place=None, message=unread), keep=False)

    def _complain(self, what: str, why: str) -> None:
        logger.warning("%s told %s, which %s", self._account.slug, what, why)
        self._found.note(f"{what} {why}")

    def _count(self, delivery: Delivery, outcome: Outcome | None, *, known: Row | None) -> None:
        content = delivery.message.content
        if known is not None and outcome is not None:
            filled = isinstance(content, Placed) and content.complete and not known["complete"]
            self._found.completed += filled
            self._found.changed += not filled
        elif outcome == Outcome.STORED:
            self._found.recovered += delivery.place is not None
            self._found.changed += isinstance(content, Change)


def is_news(content: Content, known: Row | None) -> bool:
    """Whether what is told of an order says more than what is `known`: lists repeat themselves every time."""
    if known is None:
        return True
    if isinstance(content, Placed) and content.complete and not known["complete"]:
        return True
    return rank(stands_at(content)) > rank(known["platform_state"])


def stands_at(content: Content) -> str:
    """Where an order stands at the platform by what it told; "" if that does not follow from it."""
    match content:
        case Placed(standing=None, vague=vague):
            return "" if vague else PlatformState.PLACED
        case Placed(standing=Standing(state=state)) | Standing(state=state):
            return state
    return ""


def rank(state: str) -> int:
    """How far an order is at the platform; what was never told counts as placed."""
    return PLATFORM_RANK[PlatformState(state)] if state else 0


def _batches(messages: Iterable[Pulled]) -> Iterator[list[Pulled]]:
    rest = iter(messages)
    while batch := list(islice(rest, BATCH)):
        yield batch
