"""One writer for a file: a lock of the operating system, which a killed process releases.

(The package `filelock` would do, but it imports asyncio: a fifth of the time the window has to start.)
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from types import TracebackType

from zsi_core.errors import ZsiError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LOCKED_BYTE = 1 << 20  # beyond the text, which others must be able to read on Windows as well


class LockedError(ZsiError):
    """Somebody else holds the lock.

    Attributes:
        holder: who.
    """

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is in use by {holder}: wait until that has ended")
        self.holder = holder


class FileLock:
    """The lock of a file, held from construction to `release`, or as a context manager.

    It lies beside the file, which need not exist, as a hidden one that says who holds it.

    Raises:
        LockedError: another process, or this one, holds it.
        OSError: the lock file cannot be made or locked there.
    """

    def __init__(self, locked: Path) -> None:
        self.path = locked.with_name(f".{locked.name}.lock")
        while True:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                _lock(self._descriptor)
                if self._is_current():
                    break
            except BlockingIOError:
                os.close(self._descriptor)
                raise LockedError(locked, self._holder()) from None
            except BaseException:
                os.close(self._descriptor)
                raise
            os.close(self._descriptor)  # it was removed by its former holder in the meantime: once more
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"process {os.getpid()} on {platform.node()}".encode())

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give the lock up and remove its file."""
        if sys.platform == "win32":  # an open file cannot be removed there
            os.close(self._descriptor)
            try:
                self.path.unlink(missing_ok=True)
            except PermissionError:
                return  # the next holder has it open already
        else:
            self.path.unlink(missing_ok=True)
            os.close(self._descriptor)

    def _is_current(self) -> bool:
        """Whether the locked file is still the one that others find under its name."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def _holder(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8", errors="replace") or "a process that just started"
        except OSError as error:
            return str(error)


def _lock(descriptor: int) -> None:
    """Raises BlockingIOError where somebody else holds it."""
    if sys.platform == "win32":
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(str(error)) from error
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
