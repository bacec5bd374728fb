"""One window that writes to a project; others only look at it."""

from __future__ import annotations

from pathlib import Path

import zsi_core.lock
from app.project.errors import ProjectError


class LockedError(ProjectError):
    """Another window writes to the project."""


class WriterLock(zsi_core.lock.FileLock):
    """The lock of a project file, held from construction to `release`.

    Raises:
        LockedError: another process, or this one, holds it.
        OSError: the lock file cannot be made or locked there.
    """

    def __init__(self, project: Path) -> None:
        try:
            super().__init__(project)
        except zsi_core.lock.LockedError as error:
            raise LockedError(f"{project} is open in another window ({error.holder})") from None
