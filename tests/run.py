"""`make test`: start what the tests need, run every stage, say what was skipped and why.

Extra arguments go to pytest, e.g. `python -m tests.run -k undo`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.services import Postgres, Redis, find_chromium, find_postgres, find_redis

ROOT = Path(__file__).resolve().parent.parent
NO_TESTS = 5  # pytest's exit code when a selection is empty


@dataclass(frozen=True, slots=True)
class Stage:
    """One run: what it is called, its command, and what it needs in the environment.

    `notes` is where pytest writes down what failed.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    notes: Path | None = None

    def failures(self) -> list[str]:
        """The tests that failed, as far as they are known."""
        if self.notes is None or not self.notes.exists():
            return []
        cases = ElementTree.parse(self.notes).iter("testcase")  # noqa: S314 -- pytest's own
        failed = [
            case for case in cases if case.find("failure") is not None or case.find("error") is not None
        ]
        return [f"{case.get('classname')}::{case.get('name')}" for case in failed]


def main() -> int:
    """Run all stages; returns the exit code."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-test-")))
        folder.chmod(0o755)  # PostgreSQL runs as another user
        skipped: list[str] = []
        stages = list(_stages(stack, folder, skipped))
        failed = [(stage.name, stage.failures()) for stage in stages if not _run(stage)]
    for line in skipped:
        print(f"skipped: {line}")
    for name, tests in failed:
        print("\n  ".join([f"failed: {name}", *tests]))
    if not failed:
        print("every stage passed")
    return 1 if failed else 0


def _stages(stack: ExitStack, folder: Path, skipped: list[str]) -> Iterator[Stage]:
    environment = {**os.environ, "PORTAL_VAR": str(folder / "var"), "PORTAL_MODE": "local"}
    environment |= {"PORTAL_FEED_CASES": str(folder / "cases")}
    (folder / "cases").mkdir()
    environment.pop("DATABASE_URL", None)
    if (redis := find_redis()) is not None:
        server = Redis(folder / "redis", redis)
        stack.callback(server.stop)
        environment["REDIS_URL"] = server.url
        selection = "not browser and not chaos"
    else:
        skipped.append("what needs Redis: no redis-server on PATH, and it could not be installed")
        selection = "not browser and not chaos and not redis"
    yield _pytest("SQLite", environment, "-n", "2", "-m", selection)
    if (binaries := find_postgres()) is not None:
        postgres = Postgres(folder / "postgres", binaries)
        stack.callback(postgres.stop)
        with_postgres = {**environment, "DATABASE_URL": postgres.url}
        yield _pytest("PostgreSQL", with_postgres, "-n", "2", "-m", f"both_databases and ({selection})")
    else:
        skipped.append("store-and-forward on PostgreSQL: no server binaries, and they could not be installed")
    yield _pytest("processes killed", environment, "-m", "chaos")
    if (chromium := find_chromium()) is not None:
        yield _pytest("browser", {**environment, "PORTAL_CHROMIUM": chromium}, "-m", "browser")
    else:
        skipped.append("browser tests: no Chromium, and it could not be installed")
    if (node := shutil.which("node")) is not None:
        scripts = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "static/js").rglob("*.test.js"))
        yield Stage("scripts", [node, "--test", "--test-reporter=dot", *scripts], environment)
    else:
        skipped.append("script tests: no node on PATH")


def _pytest(name: str, environment: dict[str, str], *arguments: str) -> Stage:
    notes = Path(environment["PORTAL_VAR"]).with_name(f"{name}.xml")
    command = [sys.executable, "-m", "pytest", "-q", "-rs", f"--junitxml={notes}", *arguments]
    return Stage(name, [*command, *sys.argv[1:]], environment, notes)


def _run(stage: Stage) -> bool:
    print(f"\n== {stage.name}", flush=True)
    begun = time.monotonic()
    code = subprocess.run(stage.command, env=stage.environment, cwd=ROOT, check=False).returncode
    # With a selection of one's own a stage may find nothing to do; without one that is a mistake.
    passed = code == 0 or (code == NO_TESTS and len(sys.argv) > 1)
    print(f"== {stage.name}: {'passed' if passed else 'FAILED'}, {time.monotonic() - begun:.0f} s")
    return passed


if __name__ == "__main__":
    sys.exit(main())
