"""An append-only file of JSON lines: what the sandbox must still know after it was killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """One file. A line is written in one piece; a torn last line is left out when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        _end_last_line(path)
        self._file = path.open("a", encoding="utf-8")
        path.chmod(0o600)

    def add(self, entry: dict[str, Any]) -> None:
        """Append one entry; it survives the end of this process."""
        self._file.write(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n")
        self._file.flush()

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield every entry, oldest first."""
        with self.path.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _end_last_line(path: Path) -> None:
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb+") as file:
        file.seek(-1, 2)
        if file.read(1) != b"\n":
            file.write(b"\n")
