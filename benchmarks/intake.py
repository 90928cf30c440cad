"""Orders per second through intake: everyone in turn, round after round, then the rows are counted."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.databases import Database, run_python
from benchmarks.load import CONNECTIONS
from benchmarks.servers import DAPHNE, GUNICORN, UVICORN, Server
from benchmarks.storm import Storm

WARM = 0.5  # seconds of load before the clock starts


@dataclass(frozen=True, slots=True)
class Contender:
    """Someone to measure: a web server (`command` and `application`), or the inserter without one.

    `fastest` bounds how many pushes are signed for a run: orders/s nobody here exceeds.
    """

    key: str
    name: str
    database: str
    application: str
    command: tuple[str, ...] = ()
    fastest: int = 1_000


TUTORIAL_PG = Contender(
    "tutorial_pg",
    "tutorial view, Daphne",
    "PostgreSQL",
    "benchmarks.contenders.tutorial_view:application",
    DAPHNE,
)
GUNICORN_PG = Contender(
    "gunicorn_pg",
    "tutorial view, gunicorn gthread",
    "PostgreSQL",
    "benchmarks.contenders.tutorial_wsgi:application",
    GUNICORN,
    fastest=2_000,
)
FLOOR = Contender(
    "floor", "floor without checks, uvicorn", "PostgreSQL", "benchmarks.contenders.floor:application",
    (*UVICORN, "--lifespan", "off"), fastest=10_000,
)  # fmt: skip
OURS_PG = Contender(
    "ours_pg", "intake, uvicorn", "PostgreSQL", "merchant_portal.intake:application",
    (*UVICORN, "--http", "merchant_portal.intake:Protocol"), fastest=8_000
)  # fmt: skip
INSERTER = Contender(
    "inserter", "inserter without HTTP", "PostgreSQL", "benchmarks.contenders.inserter", fastest=10_000
)
TUTORIAL_LITE = Contender(
    "tutorial_lite",
    "tutorial view, Daphne",
    "SQLite",
    "benchmarks.contenders.tutorial_view:application",
    DAPHNE,
)
OURS_LITE = Contender(
    "ours_lite", "intake in the whole site, Daphne", "SQLite", "merchant_portal.asgi:application", DAPHNE,
    fastest=5_000,
)  # fmt: skip
ON_POSTGRES = (TUTORIAL_PG, GUNICORN_PG, OURS_PG, FLOOR, INSERTER)
ON_SQLITE = (TUTORIAL_LITE, OURS_LITE)


@dataclass(slots=True)
class Series:
    """What one contender reached: orders/s of each round, and every latency in milliseconds."""

    contender: Contender
    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    acknowledged: int = 0
    stored: int = 0
    refused: int = 0

    @property
    def rate(self) -> float:
        """The median orders/s."""
        return statistics.median(self.rates)

    def times(self, other: Series) -> float:
        """How many times `other`: the median over the rounds, each compared with its own neighbour."""
        return statistics.median(own / its for own, its in zip(self.rates, other.rates, strict=True))


class Entrant:
    """A contender that is up: its database, and how to load it for some seconds."""

    def __init__(
        self,
        contender: Contender,
        database: Database,
        server: Server | None,
        environment: Mapping[str, str],
        folder: Path,
    ) -> None:
        self.series = Series(contender)
        self._database = database
        self._server = server
        self._environment = environment
        self._folder = folder

    @property
    def url(self) -> str:
        """Its database."""
        return self._database.url

    def wait(self) -> None:
        """Return once it can be loaded."""
        if self._server is not None:
            self._server.wait()

    def run(self, label: str, codes: Sequence[str], seconds: float) -> None:
        """One round, as fast as it goes."""
        contender = self.series.contender
        told: dict[str, Any] = {"run": label, "codes": codes, "seconds": seconds}
        if self._server is None:
            module, told["most"] = contender.application, int(contender.fastest * seconds)
        else:
            module, told["most"] = "benchmarks.load", int(contender.fastest * (seconds + WARM)) + CONNECTIONS
            told |= {"port": self._server.port, "warm": WARM}
        load = self._told(module, label, told)
        self.series.rates.append(load["orders"] / load["seconds"])
        self.series.latencies += load["latencies"]
        self.series.acknowledged += load["stored"]
        self.series.refused += sum(load["refused"].values())

    def blow(self, label: str, codes: Sequence[str], **how: Any) -> Storm:
        """Load it at a given rate; `how` is what `benchmarks.storm` is told."""
        assert self._server is not None
        told = {"run": label, "codes": codes, "port": self._server.port, **how}
        storm = Storm(**self._told("benchmarks.storm", label, told))
        self.series.acknowledged += storm.stored
        return storm

    def _told(self, module: str, label: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """Run a load generator and return what it saw."""
        result = self._folder / f"{self.series.contender.key}-{label}.json"
        run_python(self._environment, "-m", module, json.dumps(told), str(result), seconds=120)
        seen: dict[str, Any] = json.loads(result.read_text())
        return seen

    def count(self) -> None:
        """Look into the database; what was acknowledged must be there. Raises AssertionError."""
        series = self.series
        series.stored = self._database.stored()
        assert series.stored == series.acknowledged, (
            f"{series.contender.key}: {series.acknowledged} acknowledged"
        )


Opener = Callable[[ExitStack, Contender], Entrant]


def measure(
    contenders: Sequence[Contender],
    open_entrant: Opener,
    codes: Sequence[str],
    *,
    rounds: int,
    seconds: float,
) -> Iterator[Series]:
    """Yield every contender's series; each round goes through all of them, every other one backwards."""
    with ExitStack() as stack:
        entrants = [open_entrant(stack, contender) for contender in contenders]
        for entrant in entrants:
            entrant.wait()
        for number in range(rounds):
            for entrant in entrants[:: -1 if number % 2 else 1]:
                entrant.run(f"r{number}", codes, seconds)
        for entrant in entrants:
            entrant.count()
            yield entrant.series


def start(
    stack: ExitStack, contender: Contender, database: Database, environment: Mapping[str, str], folder: Path
) -> Entrant:
    """Bring a contender up on `database`; it ends with `stack`."""
    own = {**environment, "DATABASE_URL": database.url}
    server = None
    if contender.command:
        log = folder / f"{contender.key}.log"
        server = Server(contender.command, contender.application, environment=own, log=log)
        stack.callback(server.stop)
    return Entrant(contender, database, server, own, folder)
