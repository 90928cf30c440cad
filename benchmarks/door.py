"""What a crowd of riders at the door costs: the card, and the position of a pick-up code, under load.

Phones that reload as fast as they are answered look at the cards of a dozen stores, through the whole site
under Daphne. Beside them, in turn: the same card read from the database each time, and the shortest answer
the site has. All of it is on the loopback; every phone has an address of its own there, since an address may
look up so many codes a minute.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import Any

from benchmarks.connection import Connection
from benchmarks.databases import run_python
from benchmarks.figures import Aim, percentile
from benchmarks.lab import Lab
from benchmarks.servers import DAPHNE, Server

SITE = "benchmarks.contenders.door_site:application"
PHONES = 64
WARM = 0.2  # seconds before the clock starts
GRACE = 15.0  # seconds for what is under way when the time is over
MOST_QUERIES = 0.1  # a look, on average
LEAST_TIMES = 3.0  # the card read each time
Doors = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """What is asked for: `paths` makes the addresses out of the cards and their codes."""

    key: str
    name: str
    paths: Callable[[Doors], list[str]]


def _each(pattern: str, doors: Doors) -> list[str]:
    """Every code of every card, the cards in turn."""
    by_place = zip(*([(token, code) for code in codes] for token, codes in doors.items()), strict=True)
    return [pattern.format(token=token, code=code) for row in by_place for token, code in row]


CARD = Kind("card", "the card", partial(_each, "/door/{token}/"))
CODE = Kind("code", "the position of a code", partial(_each, "/door/{token}/?code={code}"))
UNKNOWN = Kind("unknown", "a code nobody has", partial(_each, "/door/{token}/?code=9{code}"))
ANEW = Kind("anew", "the card, read each time", partial(_each, "/bench/anew/{token}/"))
LEAST = Kind("least", "the site's shortest answer", lambda _: ["/livez"])
KINDS = (CARD, CODE, UNKNOWN, ANEW, LEAST)


@dataclass(slots=True)
class Looks:
    """What the phones saw of one kind: looks/s of each round, milliseconds and queries of each look.

    `other` counts answers that were no 200, by status.
    """

    kind: Kind
    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """The median looks/s."""
        return statistics.median(self.rates)

    def times(self, other: Looks) -> float:
        """How many times `other`: the median over the rounds, each compared with its own neighbour."""
        return statistics.median(own / its for own, its in zip(self.rates, other.rates, strict=True))


def _line(name: str, *figures: str) -> str:
    return f"{name:30}" + "".join(f"{figure:>12}" for figure in figures)


@dataclass(slots=True)
class Door:
    """All kinds, by key."""

    database: str
    rounds: int
    looks: dict[str, Looks]
    name: str = "door"

    def lines(self) -> Iterator[str]:
        yield f"The card at the door, {PHONES} phones that reload at once; Daphne, {self.database}."
        yield f"Medians of {self.rounds} interleaved rounds. A card is read anew every five seconds at most:"
        yield "here before the clock starts."
        head = ("looks/s", "× read anew", "of shortest", "p50 ms", "p99 ms", "queries", "at most")
        yield _line("", *head)
        for looks in self.looks.values():
            yield _line(
                looks.kind.name,
                f"{looks.rate:,.0f}",
                f"{looks.times(self.looks[ANEW.key]):.1f}",
                f"{looks.times(self.looks[LEAST.key]):.0%}",
                f"{percentile(looks.latencies, 50):,.1f}",
                f"{percentile(looks.latencies, 99):,.1f}",
                f"{statistics.mean(looks.queries):.3f}",
                f"{max(looks.queries)}",
            )
            if looks.other:
                yield f"other answers: {dict(looks.other)}"

    def aims(self) -> Iterator[Aim]:
        for kind in (CARD, CODE, UNKNOWN):
            looks = self.looks[kind.key]
            yield Aim.at_least(f"{kind.name} against reading it each time", self._times(kind), LEAST_TIMES)
            mean = statistics.mean(looks.queries)
            yield Aim.at_most(f"queries for {kind.name}", mean, MOST_QUERIES, "a look")

    def document(self) -> Any:
        return {key: self._entry(looks) for key, looks in self.looks.items()}

    def _times(self, kind: Kind) -> float:
        return self.looks[kind.key].times(self.looks[ANEW.key])

    def _entry(self, looks: Looks) -> dict[str, Any]:
        return {
            "looks_per_second": round(looks.rate, 1),
            "rounds": [round(rate, 1) for rate in looks.rates],
            "times_anew": looks.times(self.looks[ANEW.key]),
            "of_shortest": looks.times(self.looks[LEAST.key]),
            "latency_ms": {"p50": percentile(looks.latencies, 50), "p99": percentile(looks.latencies, 99)},
            "queries": {"mean": statistics.mean(looks.queries), "most": max(looks.queries)},
            "other": dict(looks.other),
        }


def measure_door(lab: Lab, *, rounds: int, seconds: float) -> Door:
    """Everybody in turn, round after round, for `seconds` each."""
    kind = "PostgreSQL" if lab.has_postgres else "SQLite"
    with ExitStack() as stack:
        environment = {**lab.environment, "DATABASE_URL": lab.database(kind, "door").url}
        doors: Doors = json.loads(run_python(environment, "-m", "benchmarks.crowd"))
        server = Server(DAPHNE, SITE, environment=environment, log=lab.folder / "door.log")
        stack.callback(server.stop)
        server.wait()
        door = Door(kind, rounds, {kind.key: Looks(kind) for kind in KINDS})
        for number in range(rounds):
            for looks in [*door.looks.values()][:: -1 if number % 2 else 1]:
                asyncio.run(_reload(server.port, looks, doors, seconds))
    return door


async def _reload(port: int, looks: Looks, doors: Doors, seconds: float) -> None:
    """One round of one kind."""
    crowd = _Crowd(looks, doors, seconds)
    loop = asyncio.get_running_loop()
    for number in range(PHONES):
        address = (f"127.0.1.{number + 1}", 0)
        _, phone = await loop.create_connection(crowd.phone, "127.0.0.1", port, local_addr=address)
        crowd.look(phone)
    async with asyncio.timeout(WARM + seconds + GRACE):
        await crowd.done.wait()
    looks.rates.append(crowd.seen / seconds)


class _Crowd:
    """Every phone looks again as soon as it has an answer, until the time is over; then `done` is set."""

    def __init__(self, looks: Looks, doors: Doors, seconds: float) -> None:
        self._looks = looks
        self._requests = cycle(map(_request, looks.kind.paths(doors)))
        self._begin = time.perf_counter() + WARM
        self._end = self._begin + seconds
        self._open = 0
        self.seen = 0
        self.done = asyncio.Event()

    def phone(self) -> Connection:
        """One more."""
        self._open += 1
        return Connection(self._answered, self._lost)

    def look(self, phone: Connection) -> None:
        """Ask again, or hang up when it is time to stop."""
        phone.sent_at = time.perf_counter()
        if phone.sent_at < self._end:
            phone.send(next(self._requests))
        else:
            phone.close()

    def _answered(self, phone: Connection, status: bytes, head: bytes) -> None:
        now = time.perf_counter()
        if status != b"200":
            self._looks.other[status.decode()] += 1
        elif self._begin <= now < self._end:
            self.seen += 1
            self._looks.latencies.append((now - phone.sent_at) * 1000)
            self._looks.queries.append(_queries(head))
        self.look(phone)

    def _lost(self, phone: Connection) -> None:
        self._open -= 1
        if time.perf_counter() < self._end:
            self._looks.other["lost"] += 1
        if not self._open:
            self.done.set()


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept-language: en\r\n\r\n".encode()


def _queries(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\nx-queries:")
    return int(rest.partition(b"\r\n")[0])
