"""`Project`: one open project file.

    with Project.open_or_create(project_path(folder), root=folder) as project:
        unsubscribe = project.subscribe(repaint)
        project.do(AddImages([found.path for found in find_images([folder])]))
        project.do(AddClass("hair drier"))
        drawn = ObjectRecord.drawn(image_id, class_id, Geometry.from_parts(parts), "polygon")
        project.do(AddObjects([drawn]))
        project.undo(image_id)

There is no "save": every command is in the file when `do` returns.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from app.project.backup import write_backup
from app.project.commands.base import Command
from app.project.connection import (
    connect_reading,
    connect_writing,
    file_version,
    set_journal_mode,
    sqlite_errors,
)
from app.project.errors import CommandError, ProjectError, ProjectReadOnlyError, UndoError
from app.project.journal import Journal
from app.project.lock import LockedError, WriterLock
from app.project.presence import Presence
from app.project.queries import Queries
from app.project.records import Change
from app.project.root import stored_root
from app.project.rows import Rows, Touched
from app.project.schema import SCHEMA_VERSION, create_tables, migrate


class Project(Queries):
    """An open project: a context manager, which closes it. Use it in the thread that opened it.

    Attributes:
        path: the project file.
        read_only: why nothing can be changed ("" when it can): opened elsewhere, or the file is read-only.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path, lock: WriterLock | None, read_only: str = ""
    ) -> None:
        """Use `open`, `create` or `open_or_create`."""
        super().__init__(connection, path)
        self.read_only = read_only
        self._lock = lock
        self._presence = Presence(connection, path)
        self._callbacks: list[Callable[[Change], None]] = []
        with sqlite_errors(path):
            self._journal = Journal(connection)
        if not read_only:
            with self._transaction():
                self._journal.prune()

    @classmethod
    def create(cls, path: Path, root: Path) -> Project:
        """A new project for the images below `root`.

        Raises:
            ProjectError: the file exists already, or cannot be written.
        """
        try:
            lock = WriterLock(path)
            try:
                if path.exists():
                    raise ProjectError(f"{path} exists already: open it, or choose another name")
                _create_file(path, root)
            finally:
                lock.release()
        except OSError as error:
            raise ProjectError(
                f"{path} cannot be created ({error.strerror}): choose a folder that can be written"
            ) from error
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Project:
        """Open a project; for reading only, and saying so in `read_only`, when writing is impossible.

        Raises:
            ProjectError: missing, damaged, or of a newer version; the message says the way out.
        """
        if not path.exists():
            raise ProjectError(f"{path} does not exist: check whether it was moved or renamed")
        try:
            lock = WriterLock(path)
        except LockedError as error:
            return cls._open_read_only(path, f"{error}; here it can only be looked at")
        except OSError as error:
            return cls._open_read_only(path, f"{path.parent} cannot be written ({error.strerror})")
        if not os.access(path, os.W_OK):
            lock.release()
            return cls._open_read_only(path, f"{path} is write-protected")
        try:
            with closing(connect_reading(path)) as connection:
                version = file_version(connection, path)
            if version < SCHEMA_VERSION:
                write_backup(path)
            connection = connect_writing(path)
            try:
                with sqlite_errors(path):
                    migrate(connection, version)
                return cls(connection, path, lock)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open_or_create(cls, path: Path, root: Path) -> Project:
        """`open` if the file exists, else `create`."""
        return cls.open(path) if path.exists() else cls.create(path, root)

    @classmethod
    def _open_read_only(cls, path: Path, reason: str) -> Project:
        connection = connect_reading(path)
        try:
            if file_version(connection, path) < SCHEMA_VERSION:
                raise ProjectError(
                    f"{path} is of an older version and must be brought up to date, but {reason}: copy it to "
                    "a folder that can be written, and open it there"
                )
            return cls(connection, path, None, reason)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the file and let others write it."""
        super().close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def do(self, command: Command, *, group: str | None = None) -> Change:
        """Apply a command: when this returns, it is in the file and survives the death of the process.

        Args:
            group: commands of one group are one undo step, however long it takes and whatever is done
                between them: give a background job an id of its own (a uuid) and pass it with every image.
                Such commands must only add objects and classes, or delete objects that no step has changed.

        Raises:
            CommandError: it does not fit the project.
            ProjectReadOnlyError: see `read_only`.
            ProjectError: it cannot be written (disk full ...). In all cases nothing of it is applied.
        """
        with self._transaction() as rows:
            command.apply(rows)
            if rows.changes and command.undoable:
                self._journal.record(rows, command.label, group)
                if self._journal.too_large:
                    self._journal.prune()
        return self._changed("do", command.label, rows.touched)

    def undo(self, image_id: int | None = None) -> Change | None:
        """Undo the newest step that touches the image in view, or a newer project-wide one.

        A project-wide step (classes, several images) that others depend on is passed over. Without
        `image_id`, the newest step of all. None when there is nothing to undo.

        Raises:
            UndoError: others depend on it; the message names them.
        """
        return self._take_back(image_id, undo=True)

    def redo(self, image_id: int | None = None) -> Change | None:
        """Redo what was undone last, by the same rules. A new command ends the redo of what it touches."""
        return self._take_back(image_id, undo=False)

    def undo_label(self, image_id: int | None = None) -> str | None:
        """Label of the step that `undo` would take back, None for none."""
        with sqlite_errors(self.path):
            return self._journal.label(image_id, undo=True)

    def redo_label(self, image_id: int | None = None) -> str | None:
        """Label of the step that `redo` would apply again, None for none."""
        with sqlite_errors(self.path):
            return self._journal.label(image_id, undo=False)

    def rows_of_undo(self, image_id: int | None = None) -> int:
        """How many rows `undo` would write: for many thousands, do it through `writer`."""
        with sqlite_errors(self.path):
            return self._journal.rows_of_step(image_id, undo=True)

    def rows_of_redo(self, image_id: int | None = None) -> int:
        """How many rows `redo` would write."""
        with sqlite_errors(self.path):
            return self._journal.rows_of_step(image_id, undo=False)

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back after every change, in the thread of the project; returns how to unsubscribe."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def reader(self) -> Queries:
        """A second, reading connection for a job: call and use it in the job's thread, and close it there."""
        return Queries.open_for_reading(self.path)

    def writer(self) -> Project:
        """A second connection that writes, for a long change in the thread of a job (an import).

        Call, use and close it in that thread, and hand the change to `announce` of this project. Until the
        long change is in the file, this one can be read, and a short change waits for some seconds at most.

        Raises:
            ProjectReadOnlyError: see `read_only`.
        """
        if self.read_only:
            raise ProjectReadOnlyError(f"nothing was changed: {self.read_only}")
        return Project(connect_writing(self.path), self.path, None)

    def announce(self, change: Change) -> None:
        """Tell the subscribers of a change that was made through `writer`."""
        with sqlite_errors(self.path):
            self._journal.reload()
        for callback in tuple(self._callbacks):
            callback(change)

    def flush(self) -> None:
        """Make everything survive a power cut as well; call it when the window is idle for a second."""
        if not self.read_only:
            with sqlite_errors(self.path):
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _take_back(self, image_id: int | None, *, undo: bool) -> Change | None:
        with sqlite_errors(self.path):
            done = self._try_steps(image_id, undo=undo)
        return None if done is None else self._changed("undo" if undo else "redo", *done)

    def _try_steps(self, image_id: int | None, *, undo: bool) -> tuple[str, Touched] | None:
        """Take the first step back that can be; its label and what it touched."""
        refused: tuple[str, CommandError] | None = None
        for step in self._journal.steps(image_id, undo=undo):
            try:
                with self._transaction() as rows:
                    self._journal.take_back(step, rows, undo=undo)
            except CommandError as error:  # a foreign key, or a name that is taken
                refused = refused or (step.label, error)
            else:
                return step.label, rows.touched
        if refused is None:
            return None
        raise UndoError(
            f"“{refused[0]}” cannot be {'undone' if undo else 'redone'}: what it needs was removed, or what "
            "it brings back exists again"
        ) from refused[1]

    @contextmanager
    def _transaction(self) -> Iterator[Rows]:
        """All that the body writes, or nothing of it."""
        if self.read_only:
            raise ProjectReadOnlyError(f"nothing was changed: {self.read_only}")
        self._presence.check()
        rows = Rows(self._connection, self.path)
        with sqlite_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield rows
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends it by itself when the disk is full
                    self._connection.execute("ROLLBACK")
                self._journal.reload()
                raise

    def _changed(self, kind: str, label: str, touched: Touched) -> Change:
        change = Change(
            kind=kind,
            label=label,
            images=frozenset(touched.images),
            objects=frozenset(touched.objects),
            classes=frozenset(touched.classes),
            image_list=touched.image_list,
            info=touched.info,
            settings=frozenset(touched.settings),
            skipped=tuple(touched.skipped),
        )
        if touched:
            for callback in tuple(self._callbacks):
                callback(change)
        return change


def _create_file(path: Path, root: Path) -> None:
    """Write an empty project that appears under its name complete or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        with sqlite_errors(path), closing(sqlite3.connect(part, isolation_level=None)) as connection:
            # A part that is interrupted is thrown away: no journal, and a sync only when it is complete.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            create_tables(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("INSERT INTO meta VALUES ('root', ?)", (stored_root(root, path),))
            set_journal_mode(connection, path)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
