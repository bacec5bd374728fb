"""Work behind whatever a person does meanwhile."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

NICENESS = 10
AUTOGROUP = "/proc/self/autogroup"


def lower_priority() -> None:
    """Let other processes of the machine go first; on Windows whoever starts the process sees to it.

    Linux shares its processors between sessions first, by a niceness of their own, and regards that of a
    process only within its session (sched(7), "The autogroup feature"): a trainer that has one to itself
    would otherwise take as much as the window.
    """
    if sys.platform == "win32":
        return
    os.nice(NICENESS)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # other systems, and kernels without the feature
            group = os.open(AUTOGROUP, os.O_WRONLY)
            try:
                os.write(group, str(NICENESS).encode())
            finally:
                os.close(group)
