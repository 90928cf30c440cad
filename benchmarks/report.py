"""What people read and the JSON programs read."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.figures import Section


@dataclass(slots=True)
class Report:
    """Filled by a run. `load` is the machine's load average of the minute before it."""

    rounds: int
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    sections: list[Section] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def text(self) -> str:
        """The whole report."""
        lines = [line for section in self.sections for line in (*section.lines(), "")]
        aims = [str(aim) for section in self.sections for aim in section.aims()]
        return "\n".join([*lines, *aims, "", *self.notes, *self._end()])

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self._document(), indent=2, ensure_ascii=False) + "\n")

    def _end(self) -> Iterator[str]:
        yield f"{self.seconds:.0f} s on {os.cpu_count()} cores; load before it began {self.load:.1f}."

    def _document(self) -> dict[str, Any]:
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                "load_before": round(self.load, 2),
            },
            "seconds": round(self.seconds, 1),
            "rounds": self.rounds,
            "aims": [
                {"aim": aim.what, "reached": aim.reached}
                for section in self.sections
                for aim in section.aims()
            ],
            **{section.name: section.document() for section in self.sections},
            "notes": self.notes,
        }
