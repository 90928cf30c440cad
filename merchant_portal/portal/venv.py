"""Keeps `.venv` in step with the requirements: `python3 venv.py FOLDER REQUIREMENTS`.

Runs under the machine's own Python before anything is installed, so it uses the standard library
only. A virtual environment whose interpreter is gone, or which another version made, is built anew;
one whose requirements changed is brought up to date.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
MAKE = ("-m", "venv")


class Broken(Exception):
    """It cannot be done; the text is one line that says why."""


def stamp_of(requirements: Path) -> str:
    """Return what is written into the environment when these requirements are installed."""
    version = ".".join(str(part) for part in sys.version_info[:2])
    return f"{version} {hashlib.sha256(requirements.read_bytes()).hexdigest()}"


def works(folder: Path) -> bool:
    """Whether the environment's interpreter runs and is new enough."""
    ask = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    try:
        return subprocess.run([folder / "bin" / "python", "-c", ask], check=False).returncode == 0
    except OSError:
        return False


def ensure(folder: Path, requirements: Path) -> None:
    """Create or renew the environment if it must be. Raises Broken."""
    if sys.version_info < OLDEST:
        raise Broken(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}.")
    stamp = folder / f"{requirements.stem}.stamp"
    if not works(folder):
        _create(folder)
    elif stamp.exists() and stamp.read_text() == stamp_of(requirements):
        return
    elif stamp.exists():
        _say(f"{requirements.name} changed: renewing {folder.name} …")
    _install(folder, requirements)
    stamp.write_text(stamp_of(requirements))


def _create(folder: Path) -> None:
    if folder.exists():
        _say(f"{folder.name} does not work any more: building it anew …")
        shutil.rmtree(folder)
    made = subprocess.run([sys.executable, *MAKE, folder], check=False, capture_output=True, text=True)
    if made.returncode:
        raise Broken(f"{sys.executable} cannot make virtual environments (on Debian: install python3-venv).")


def _install(folder: Path, requirements: Path) -> None:
    _say(f"Installing {requirements.name} …")
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes"]
    if subprocess.run([*command, "-r", str(requirements)], check=False).returncode:
        raise Broken(f"Installing {requirements.name} failed; pip says why above.")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        ensure(Path(sys.argv[1]), Path(sys.argv[2]))
    except Broken as problem:
        sys.exit(str(problem))
