"""Turns into a child of the portal that cannot outlive it: `python launch.py PARENT COMMAND …`.

On Linux the kernel kills the child when its parent ends, however the parent ends; the request
survives `exec`. Elsewhere only an orderly end of the portal stops its children.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The portal ended before its child began.")
    os.execvp(command[0], command)  # noqa: S606 - the list comes from plan.py


if __name__ == "__main__":
    main()
