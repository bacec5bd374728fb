"""Connections to a project file, and what the errors of SQLite mean for a person."""

from __future__ import annotations

import ctypes
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from app.project.errors import (
    CommandError,
    ProjectDamagedError,
    ProjectError,
    ProjectReadOnlyError,
    ProjectTooNewError,
)
from app.project.schema import APPLICATION_ID, SCHEMA_VERSION

CHECKPOINT_PAGES = 4000
"""Pages of 4 KiB in the write-ahead log before SQLite copies them into the file by itself (see `flush`)."""

CACHE_KIB = 16 * 1024

_NETWORK_TYPES = {"9p", "afs", "cifs", "fuse.sshfs", "ncpfs", "nfs", "nfs4", "smb3", "smbfs", "webdav"}
_DRIVE_REMOTE = 4


def connect_writing(path: Path) -> sqlite3.Connection:
    """Open an existing file for writing, with a write-ahead log where that works.

    A process that is killed loses nothing: what is committed is with the operating system. In a power cut,
    the rollback journal of a network share loses nothing either; the write-ahead log may lose what was
    committed since it was last flushed, but the file is never damaged.
    """
    with sqlite_errors(path):
        connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
        mode = set_journal_mode(connection, path)
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute("PRAGMA foreign_keys = ON")
    return connection


def set_journal_mode(connection: sqlite3.Connection, path: Path) -> str:
    """A write-ahead log where that works, for a project at `path`; returns the mode that it got."""
    wanted = "DELETE" if on_network_share(path) else "WAL"
    (mode,) = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    return str(mode)


def connect_reading(path: Path) -> sqlite3.Connection:
    """Open an existing file for reading, also in a folder that cannot be written.

    Raises:
        ProjectError: it cannot be read, or a part of it lies in a log that cannot be read there.
    """
    uri = path.absolute().as_uri()
    with sqlite_errors(path):
        try:
            return _connect(f"{uri}?mode=ro")
        except sqlite3.OperationalError:
            # The log's index cannot be made in a read-only folder. Without a log the file alone is all of it.
            log = path.with_name(path.name + "-wal")
            if log.exists() and log.stat().st_size:
                raise ProjectError(
                    f"{path} was not closed properly, and its folder is read-only: copy it together with "
                    f"{log.name} to a folder that can be written, and open it there"
                ) from None
            return _connect(f"{uri}?immutable=1")


def is_outdated(path: Path) -> bool:
    """Whether a project file is of an older version: opening it backs it up and changes it first.

    Raises:
        ProjectError: it cannot be read, or is no project.
    """
    with closing(connect_reading(path)) as connection:
        return file_version(connection, path) < SCHEMA_VERSION


def file_version(connection: sqlite3.Connection, path: Path) -> int:
    """Schema version of a project file.

    Raises:
        ProjectDamagedError: it is no project.
        ProjectTooNewError: a newer version of the program wrote it.
    """
    with sqlite_errors(path):
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise ProjectDamagedError(f"{path} is not a project of ZSI Annotator: open another file")
    if version > SCHEMA_VERSION:
        raise ProjectTooNewError(
            f"{path} was written by a newer version of ZSI Annotator (format {version}, this one knows "
            f"{SCHEMA_VERSION}): update the program"
        )
    return int(version)


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite in the body into errors that name the file and the way out."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise CommandError(
            f"{path} was not changed: what the change refers to does not exist, or exists already ({error})"
        ) from error
    except sqlite3.Error as error:
        raise _translated(error, path) from error


def _translated(error: sqlite3.Error, path: Path) -> ProjectError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL"):
        return ProjectError(
            f"the disk of {path} is full: the last change was not applied, all others are safe; free some "
            "space and try again"
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return ProjectDamagedError(f"{path} is damaged or not a project ({error}): {way_out(path)}")
    if name.startswith("SQLITE_READONLY"):
        return ProjectReadOnlyError(f"{path} cannot be written ({error}): check its permissions")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return ProjectError(
            f"{path} is in use by another program: the last change was not applied; try again"
        )
    if name.startswith("SQLITE_CANTOPEN"):
        return ProjectError(f"{path} cannot be opened: check that it exists and may be read")
    return ProjectError(f"{path} cannot be read or written ({error}): check the disk; nothing else was lost")


def way_out(path: Path) -> str:
    """What to do about a damaged project."""
    backup = backup_path(path)
    if backup.exists():
        return f"move it away and rename its backup {backup.name} to {path.name}"
    return "fetch an older copy of it"


def backup_path(path: Path) -> Path:
    """Where the backup of a project lies."""
    return path.with_name(path.name + ".bak")


def on_network_share(path: Path) -> bool:
    """Whether a file lies on a network share, where the shared memory of a write-ahead log is not safe."""
    path = path.absolute()
    if sys.platform == "win32":
        drive = path.drive
        return drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(drive + "\\") == _DRIVE_REMOTE
    return _mount_type(path) in _NETWORK_TYPES


def _mount_type(path: Path) -> str:
    """Type of the file system that holds a path, "" where it cannot be told."""
    found = max(
        ((len(Path(point).parts), kind) for point, kind in _mounts() if path.is_relative_to(point)),
        default=(0, ""),
    )
    return found[1]


def _mounts() -> Iterator[tuple[str, str]]:
    """(mount point, type of file system)"""
    if sys.platform == "linux":
        for line in Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
            _, point, kind, *_ = line.split(" ")
            yield point.replace("\\040", " "), kind
    elif sys.platform == "darwin":
        told = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
        for line in told.splitlines():  # //user@host/share on /Volumes/share (smbfs, nodev)
            _, _, rest = line.partition(" on ")
            point, _, options = rest.rpartition(" (")
            if point:
                yield point, options.rstrip(")").split(",")[0]


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5, cached_statements=256)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens the file, and its log
    except BaseException:
        connection.close()
        raise
    return connection
