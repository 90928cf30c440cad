"""The folder `var/`: one portal at a time, who runs there, private files, logs."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any, TextIO

from merchant_portal.portal.errors import CannotStart

LOG_LIMIT = 16 * 1024 * 1024  # bytes; a longer log is put aside at the next start


def write_private(path: Path, text: str) -> None:
    """Write a file only this user can read, whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def lock(var_dir: Path) -> TextIO:
    """Take this folder for one portal; keep the returned file open as long as it runs."""
    (var_dir / "log").mkdir(parents=True, exist_ok=True)
    file = (var_dir / "portal.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        where = (read_state(var_dir) or {}).get("url", "")
        raise CannotStart(f"A portal already runs on {var_dir}{f' at {where}' if where else ''}.") from None
    return file


def read_state(var_dir: Path) -> dict[str, Any] | None:
    """Return what the running (or last) portal wrote about itself, if it did."""
    try:
        state: dict[str, Any] = json.loads((var_dir / "portal.json").read_text())
    except (OSError, ValueError):
        return None
    return state


def write_state(var_dir: Path, state: dict[str, Any]) -> None:
    """Tell scripts and tests where everything is: addresses and process ids."""
    write_private(var_dir / "portal.json", json.dumps(state, indent=2) + "\n")


def open_log(var_dir: Path, name: str) -> TextIO:
    """Open a child's log for appending."""
    path = var_dir / "log" / f"{name}.log"
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".1.log"))
    return path.open("a")


def last_line(var_dir: Path, name: str) -> str:
    """Return the last words of a child, for a message."""
    try:
        lines = (var_dir / "log" / f"{name}.log").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
