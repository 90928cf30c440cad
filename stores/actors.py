"""Who does something: a person, or a part of the system with a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stores.models import User


@dataclass(frozen=True, slots=True)
class Actor:
    """Stands behind every change. `user` is None for the system; `label` is what history shows."""

    label: str
    user: User | None = None

    @classmethod
    def person(cls, user: User) -> Actor:
        """The signed-in person."""
        return cls(label=user.label, user=user)
