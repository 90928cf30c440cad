"""The secret of a local installation: made on the first start, kept under `var/`."""

import os
import secrets
from pathlib import Path


def local_secret(var_dir: Path) -> str:
    """Return the secret key of this checkout; two processes starting at once agree on one."""
    path = var_dir / "secret-key"
    var_dir.mkdir(parents=True, exist_ok=True)
    draft = var_dir / f"secret-key.{os.getpid()}"
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first: its key is the key
        finally:
            draft.unlink()
    return path.read_text().strip()
