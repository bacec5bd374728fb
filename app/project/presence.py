"""Whether the project file is still the one that was opened.

SQLite goes on without a word when its file was deleted, moved away or replaced (by a synchronising service):
what is written then is seen by nobody and gone with the process.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from app.project.connection import on_network_share, sqlite_errors
from app.project.errors import ProjectGoneError
from app.project.root import read_root
from zsi_core.files import user_data_dir


class Presence:
    """Asked before every change; costs a microsecond or two."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._shared = on_network_share(path)  # file numbers may change there
        self._identity = self._now()
        self._rescued: Path | None = None

    def check(self) -> None:
        """Go on if the file is there; else keep what SQLite still knows.

        Raises:
            ProjectGoneError: the file was deleted, moved away or replaced.
        """
        if self._now() == self._identity:
            return
        copy = self._rescue()
        raise ProjectGoneError(
            f"{self._path} was deleted, moved or replaced by another program: nothing is changed until it is "
            f"back in its place. A copy with all that was done before is {copy}: open it to go on there"
        )

    def _now(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return (0, 0) if self._shared else (status.st_dev, status.st_ino)

    def _rescue(self) -> Path:
        """Write the content of the connection to a new project in the user's data folder, once."""
        if self._rescued is None:
            folder = user_data_dir() / "rescued"
            copy = folder / f"{self._path.stem} {datetime.now():%Y-%m-%d %H.%M.%S}{self._path.suffix}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with sqlite_errors(copy), closing(sqlite3.connect(copy)) as target:
                    self._connection.backup(target)
                    root = str(read_root(self._connection, self._path))  # it may be relative to the lost file
                    target.execute("UPDATE meta SET value = ? WHERE key = 'root'", (root,))
                    target.commit()
            except OSError as error:
                raise ProjectGoneError(
                    f"{self._path} was deleted, moved or replaced by another program, and a copy cannot be "
                    f"written to {folder} ({error.strerror}): keep this window open and put the file back"
                ) from error
            self._rescued = copy
        return self._rescued
