"""`make bench`: start what is needed, measure, print what was found, write `var/bench.json`."""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType

from benchmarks.door import measure_door
from benchmarks.figures import Section
from benchmarks.flood import measure_flood
from benchmarks.growth import QUICK_SIZES, SIZES, measure_growth
from benchmarks.handoff import measure_handoff
from benchmarks.intake import ON_POSTGRES, ON_SQLITE, Contender, Entrant, measure, start
from benchmarks.lab import Lab, Missing
from benchmarks.latency import measure_ways
from benchmarks.overload import measure_overload
from benchmarks.rates import Rates
from benchmarks.report import Report

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("intake", "overload", "flood", "growth", "handoff", "door", "counter")
CONTENDERS = {contender.key: contender for contender in (*ON_POSTGRES, *ON_SQLITE)}


def main() -> int:
    """Returns the exit code."""
    options = _options()
    signal.signal(signal.SIGTERM, _stop)
    _allow_many_connections()
    begun = time.monotonic()
    report = Report(rounds=options.rounds)
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-bench-")))
            folder.chmod(0o755)  # PostgreSQL runs as another user
            _measure(Lab(stack, folder), report, options)
    except Missing as missing:
        print(f"cannot measure: {missing}")
        return 1
    report.seconds = time.monotonic() - begun
    print(report.text())
    report.write(options.json)
    return 0


def _measure(lab: Lab, report: Report, options: argparse.Namespace) -> None:
    if not lab.has_postgres:
        report.notes.append("PostgreSQL was not found and could not be installed: what needs it is missing.")
    report.sections.extend(_sections(lab, options))


def _sections(lab: Lab, options: argparse.Namespace) -> Iterator[Section]:
    opener, codes, quick = partial(_open, lab), lab.world["codes"], options.quick
    if contenders := _contenders(lab, options.only):
        rates = Rates(rounds=options.rounds)
        for group in (ON_POSTGRES, ON_SQLITE):
            chosen = [contender for contender in group if contender in contenders]
            seconds = 1.0 if quick else 3.0
            rates.series += measure(chosen, opener, codes, rounds=options.rounds, seconds=seconds)
        yield rates
    if lab.has_postgres and _wanted("overload", options.only):
        yield measure_overload(opener, codes, rounds=1 if quick else 3, seconds=2.0 if quick else 5.0)
    if lab.has_postgres and _wanted("flood", options.only):
        yield measure_flood(opener, codes, rounds=2 if quick else 7, seconds=3.0 if quick else 8.0)
    if lab.has_postgres and _wanted("growth", options.only):
        sizes, rounds = (QUICK_SIZES, 4) if quick else (SIZES, 8)
        yield measure_growth(opener, codes, lab.folder, sizes=sizes, rounds=rounds, seconds=2.0)
    if lab.has_postgres and _wanted("handoff", options.only):
        yield measure_handoff(lab, seconds=6.0 if quick else 20.0)
    if _wanted("door", options.only):
        yield measure_door(lab, rounds=options.rounds, seconds=0.3 if quick else 0.75)
    if _wanted("counter", options.only):
        yield measure_ways(lab, stores=1 if quick else 10)


def _wanted(group: str, only: Sequence[str]) -> bool:
    return not only or group in only


def _contenders(lab: Lab, only: Sequence[str]) -> list[Contender]:
    """Those named, or all of them if their group is wanted."""
    chosen = (
        CONTENDERS.values()
        if _wanted("intake", only)
        else [CONTENDERS[key] for key in only if key in CONTENDERS]
    )
    return [contender for contender in chosen if lab.has_postgres or contender.database != "PostgreSQL"]


def _open(lab: Lab, stack: ExitStack, contender: Contender) -> Entrant:
    database = lab.database(contender.database, contender.key)
    return start(stack, contender, database, lab.environment, lab.folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look in minutes: shorter, fewer rounds")
    parser.add_argument("--rounds", type=int, help="rounds of each contender (default 4, quick 2)")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        choices=[*GROUPS, *CONTENDERS],
        help=f"measure only these groups ({', '.join(GROUPS)}) or contenders ({', '.join(CONTENDERS)})",
    )
    parser.add_argument("--json", type=Path, default=ROOT / "var" / "bench.json", help="where results go")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 4)
    return options


def _allow_many_connections() -> None:
    """As many open files as this machine lets us have, for the servers started here too."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _stop(number: int, frame: FrameType | None) -> None:
    """Let every `with` end what it started."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
