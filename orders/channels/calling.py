"""Calls to the platforms: what each channel's `calls.py` offers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol


class CallFailed(Exception):
    """The platform did not take a call; `retry` tells if another try is right."""

    def __init__(self, reason: str, *, retry: bool) -> None:
        super().__init__(reason)
        self.retry = retry


class Call(Protocol):
    """One signed message to a platform."""

    def __call__(
        self, *, url: str, secret: str, call_id: str, kind: str, data: Mapping[str, Any], now: datetime
    ) -> Mapping[str, Any]:
        """Return the platform's answer. Raises CallFailed."""
