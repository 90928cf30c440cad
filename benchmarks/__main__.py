"""`make bench`: start what is needed, measure, print one table, write `var/bench.json`."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType

from benchmarks.intake import ON_POSTGRES, ON_SQLITE, Contender, Entrant, measure, start
from benchmarks.lab import Lab, Missing
from benchmarks.latency import measure_ways
from benchmarks.report import Report

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Returns the exit code."""
    options = _options()
    signal.signal(signal.SIGTERM, _stop)
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
    groups: list[tuple[Contender, ...]] = [ON_POSTGRES] if lab.has_postgres else []
    for group in [*groups, ON_SQLITE]:
        chosen = [contender for contender in group if not options.only or contender.key in options.only]
        seconds = 1.0 if options.quick else 3.0
        series = measure(
            chosen, partial(_open, lab), lab.world["codes"], rounds=options.rounds, seconds=seconds
        )
        report.series += series
    if not options.only:
        report.ways = measure_ways(lab, stores=1 if options.quick else 10)
    if not lab.has_postgres:
        report.notes.append("PostgreSQL was not found and could not be installed: its rows are missing.")


def _open(lab: Lab, stack: ExitStack, contender: Contender) -> Entrant:
    database = lab.database(contender.database, contender.key)
    return start(stack, contender, database, lab.environment, lab.folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look in a minute: shorter, fewer rounds")
    parser.add_argument("--rounds", type=int, help="rounds of each contender (default 4, quick 2)")
    parser.add_argument("--only", nargs="+", default=[], metavar="KEY", help="measure only these contenders")
    parser.add_argument("--json", type=Path, default=ROOT / "var" / "bench.json", help="where results go")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 4)
    return options


def _stop(number: int, frame: FrameType | None) -> None:
    """Let every `with` end what it started."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
