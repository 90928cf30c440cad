"""Passwords of the demo: random, made on the first run, kept in a file only this user can read."""

import json
import secrets
from pathlib import Path

from merchant_portal.portal.var import write_private

SYLLABLES = [consonant + vowel for consonant in "bdfghjkmnprstvz" for vowel in "aeiou"]


def make_password() -> str:
    """Return a password that is typed easily on a tablet: about 46 bits."""
    word = "".join(secrets.choice(SYLLABLES) for _ in range(6))
    return f"{word[:6]}-{word[6:]}-{secrets.randbelow(900) + 100}"


class Logins:
    """Login → password, in the order they were made."""

    def __init__(self, var_dir: Path) -> None:
        self.path = var_dir / "demo-logins.json"

    def all(self) -> dict[str, str]:
        """Return every login; empty before the demo was loaded."""
        if not self.path.exists():
            return {}
        known: dict[str, str] = json.loads(self.path.read_text())
        return known

    def ensure(self, names: list[str]) -> dict[str, str]:
        """Return passwords of all names; those that have none yet get one."""
        known = self.all()
        missing = [name for name in names if name not in known]
        if missing:
            known |= {name: make_password() for name in missing}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_private(self.path, json.dumps(known, indent=2, ensure_ascii=False) + "\n")
        return known
