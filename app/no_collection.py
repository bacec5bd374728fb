"""`no_collection`: work during which nobody searches for reference cycles. Qt-free."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_working = 0
_was_automatic = False


@contextmanager
def no_collection() -> Iterator[None]:
    """For work that keeps millions of values, none of them in a cycle: the search would visit all of them.

    Neither Python nor the window (`app.collector`) searches meanwhile. Several threads may be at such work.
    """
    global _working, _was_automatic
    with _lock:
        if not _working:
            _was_automatic = gc.isenabled()
            gc.disable()
        _working += 1
    try:
        yield
    finally:
        with _lock:
            _working -= 1
            if not _working and _was_automatic:
                gc.enable()


def is_held_off() -> bool:
    """Whether a thread is at such work."""
    return _working > 0
