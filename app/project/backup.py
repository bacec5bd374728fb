"""A backup beside the project, against damage that SQLite cannot prevent: a dying disk, a bad copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from app.project.connection import backup_path, connect_reading, sqlite_errors, way_out
from app.project.errors import ProjectDamagedError, ProjectError

_PAGES_AT_ONCE = 1000


def backup_is_due(project: Path) -> bool:
    """Whether a project was changed since its backup was written."""
    backup = backup_path(project)
    if not backup.exists():
        return True
    log = project.with_name(project.name + "-wal")  # empty, it says nothing: opening the project makes it
    written = [path.stat() for path in (project, log) if path.exists()]
    return any(file.st_size and file.st_mtime_ns > backup.stat().st_mtime_ns for file in written)


def write_backup(project: Path, check: Callable[[], None] = lambda: None) -> Path:
    """Copy a project, also while it is written, to `NAME.zsip.bak`; a former backup is replaced at the end.

    It takes seconds for a large project: run it as a job.

    Args:
        check: called again and again; what it raises ends the copying, and a former backup stays.

    Raises:
        ProjectError: the project is damaged or cannot be read, or the backup cannot be written. A former
            backup stays then.
    """
    backup = backup_path(project)
    part = backup.with_name(f".{backup.name}.part")
    try:
        part.unlink(missing_ok=True)
        with (
            closing(connect_reading(project)) as source,
            sqlite_errors(backup),
            closing(sqlite3.connect(part)) as target,
        ):
            source.execute("BEGIN")  # one moment of it, however long the copy takes
            source.backup(target, pages=_PAGES_AT_ONCE, progress=lambda *_: check())
            with sqlite_errors(project):  # a damaged copy must not replace a sound backup
                (verdict,) = target.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise ProjectDamagedError(f"{project} is damaged ({verdict}): {way_out(project)}")
        part.replace(backup)
    except OSError as error:
        raise ProjectError(
            f"the backup {backup} cannot be written ({error.strerror}): check that its folder can be written"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return backup
