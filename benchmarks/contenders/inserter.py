"""Our inserter without HTTP: what `orders.intake.writer` can write, fed with parsed messages.

`python -m benchmarks.contenders.inserter '{"run": …, "codes": […], "most": …, "seconds": …}' <file>` writes
one JSON object (`Load`) into the file; a latency is that of a whole batch.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

# These need the loaded apps.
from django.utils import timezone  # noqa: E402

from benchmarks.load import CONNECTIONS, Load  # noqa: E402
from benchmarks.pushes import ACCOUNT, Push, make_pushes  # noqa: E402
from orders.channels.incoming import Proof  # noqa: E402
from orders.channels.standard.push import parse  # noqa: E402
from orders.intake.delivery import Delivery  # noqa: E402
from orders.intake.directory import Directory  # noqa: E402
from orders.intake.writer import write_batch  # noqa: E402

BATCH = CONNECTIONS  # what arrives while one commit runs, under the same load


async def _deliveries(pushes: list[Push]) -> list[Delivery]:
    directory = Directory()
    account = await directory.account("standard", ACCOUNT)
    assert account is not None
    made = []
    for push in pushes:
        raw = push.body.decode()
        message = parse(kind="", raw=raw)
        place = await directory.place(account, message.store_code)
        assert place is not None
        proof = Proof(push.delivery_id, "", raw, hashlib.sha256(push.body).hexdigest())
        made.append(Delivery(account, place, proof, message))
    return made


def insert(*, run: str, codes: list[str], most: int, seconds: float) -> Load:
    """Write batch after batch for `seconds`, at most `most` orders."""
    deliveries = asyncio.run(_deliveries(make_pushes(most, run=run, codes=codes)))
    write_batch(deliveries[:1], now=timezone.now())
    latencies: list[float] = []
    written = 1
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds and written < len(deliveries):
        batch = deliveries[written : written + BATCH]
        started = time.perf_counter()
        write_batch(batch, now=timezone.now())
        latencies += [round((time.perf_counter() - started) * 1000, 2)] * len(batch)
        written += len(batch)
    return Load(written - 1, time.perf_counter() - begin, latencies, written, {})


def main() -> None:
    """Run as told on the command line."""
    told: dict[str, Any] = json.loads(sys.argv[1])
    Path(sys.argv[2]).write_text(json.dumps(asdict(insert(**told))))


if __name__ == "__main__":
    main()
