"""The journal of a run: one line of JSON for every finished image, on the disk before the next one begins.

The first line holds the request. What a killed process or a power cut left unreadable at the end is dropped,
and those images are done again. Entries are

    {"file_name", "image": {...}, "annotations": [...]}     as in a COCO file of this image alone
    {"file_name", "skipped": "why"}
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from zsi_core.coco.values import shown
from zsi_core.errors import AnnotationError
from zsi_core.files import atomic_write
from zsi_core.lock import FileLock

VERSION = 1
_PART = ".part"


class NotAJournalError(AnnotationError):
    """A file is something else, or of another version."""


class Journal:
    """An open journal; a context manager, which closes it. Nobody else may open it meanwhile.

    Of several processes, one has the journal itself and each of the others a *part* of it: a file of the same
    kind beside it, which the first takes over in the end, or a later run does.

    Attributes:
        path: the file.
        header: its first line.
        done: file names of the images that are finished.
        skipped: file name -> why it was skipped. It is not done: another run tries it again.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], lock: FileLock) -> None:
        """Use `create`, `resume` or `part`."""
        self.path = path
        self.header = header
        self.done: set[str] = set()
        self.skipped: dict[str, str] = {}
        self._offsets: dict[str, int] = {}
        self._lock = lock
        self._stream = path.open("r+b", buffering=0)
        self._stream.seek(0, os.SEEK_END)

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> Journal:
        """Start a journal; an older one is replaced, with its parts.

        Raises:
            AnnotationError: the file cannot be written.
            LockedError: an older one is in use.
        """
        with _opening(path) as lock:
            for part in parts(path):
                with _lock(part):
                    with part.open("rb") as stream:
                        _header(stream, part)  # else it is somebody's file
                    part.unlink()
            return cls._created(path, {"journal": VERSION, **header}, lock)

    @classmethod
    def resume(cls, path: Path) -> Journal:
        """Go on with the journal of a run that was interrupted, parts included.

        Raises:
            AnnotationError: the file cannot be read or written, or is not a journal of this version.
            LockedError: it is in use.
        """
        with _opening(path) as lock:
            with path.open("rb") as stream:
                journal = cls(path, _header(stream, path), lock)
                end = stream.tell()
                for entry, following in _entries(stream):
                    journal._note(entry, end)
                    end = following
            journal._stream.truncate(end)
            journal._stream.seek(end)
            journal.take_over_parts()
            return journal

    @classmethod
    def part(cls, path: Path, number: int) -> Journal:
        """Start a part of a journal that another process has open; what is done there is done here.

        Args:
            path: the journal.
            number: of this process, from 1.

        Raises:
            AnnotationError: the journal cannot be read, or the part cannot be written.
            LockedError: the part is in use.
        """
        part = path.with_name(f"{path.name}{_PART}{number}")
        with _opening(part) as lock:
            with path.open("rb") as stream:
                header = _header(stream, path)
                done = {entry["file_name"] for entry, _ in _entries(stream) if "skipped" not in entry}
            journal = cls._created(part, header, lock)
            journal.done = done
            return journal

    @classmethod
    def _created(cls, path: Path, header: Mapping[str, Any], lock: FileLock) -> Journal:
        with atomic_write(path) as stream:
            stream.write(_line(header))
        return cls(path, header, lock)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; another process may open it then."""
        if not self._stream.closed:
            self._stream.close()
            self._lock.release()

    def require(self, header: Mapping[str, Any]) -> None:
        """Check that this is the journal of a certain run.

        Raises:
            AnnotationError: another value of one of the header's keys.
        """
        other = [
            f"{key}: {shown(self.header.get(key))} there, {shown(value)} now"
            for key, value in header.items()
            if self.header.get(key) != value
        ]
        if other:
            raise AnnotationError(
                f"{self.path} is the journal of another request ({'; '.join(other)}): repeat that one with "
                "--resume, start again with --overwrite, or choose another file with -o"
            )

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add the entry of an image and wait until it is on the disk.

        Raises:
            AnnotationError: the disk is full or gone.
        """
        try:
            self._write(entry)
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def take_over_parts(self) -> dict[str, str]:
        """Add what the parts of other processes hold, then remove them.

        Returns:
            What was skipped there, as `skipped`.

        Raises:
            AnnotationError: a part belongs to another run, or a file cannot be read or written.
            LockedError: a part is in use.
        """
        skipped_before = dict(self.skipped)
        for part in parts(self.path):
            with _lock(part):
                try:
                    with part.open("rb") as stream:
                        if _header(stream, part) != self.header:
                            raise AnnotationError(
                                f"{part} is the journal of another run than {self.path}: move it away"
                            )
                        for entry, _ in _entries(stream):
                            if entry["file_name"] not in self.done:
                                self._write(entry)
                    os.fsync(self._stream.fileno())
                    part.unlink()
                except OSError as error:
                    raise _unwritable(self.path, error) from error
        return dict(self.skipped.items() - skipped_before.items())

    def _write(self, entry: Mapping[str, Any]) -> None:
        offset = self._stream.tell()
        rest = _line(entry)
        while rest:  # one call may write some of it only, when the disk is nearly full
            rest = rest[self._stream.write(rest) :]
        self._note(entry, offset)

    def _note(self, entry: Mapping[str, Any], offset: int) -> None:
        name = entry["file_name"]
        self._offsets[name] = offset
        self.skipped.pop(name, None)
        if "skipped" in entry:
            self.skipped[name] = entry["skipped"]
        else:
            self.done.add(name)

    def entries(self, file_names: Iterable[str]) -> Iterator[dict[str, Any]]:
        """The latest entry of each named image that has one, read from the disk one by one."""
        with self.path.open("rb") as stream:
            for name in file_names:
                if name in self._offsets:
                    stream.seek(self._offsets[name])
                    yield json.loads(stream.readline())

    def remove(self) -> None:
        """Delete the file and close the journal."""
        self._stream.close()
        self.path.unlink(missing_ok=True)
        self._lock.release()


def parts(path: Path) -> list[Path]:
    """The parts of a journal that other processes have, or have left behind."""
    return [file for file in path.parent.glob(glob.escape(path.name + _PART) + "*") if _is_part(file)]


def _is_part(file: Path) -> bool:
    return file.name.rpartition(_PART)[2].isdecimal()


@contextmanager
def _opening(path: Path) -> Iterator[FileLock]:
    """Lock a journal that the body opens; the lock is given back if that fails."""
    lock = _lock(path)
    try:
        yield lock
    except OSError as error:
        lock.release()
        raise _unwritable(path, error) from error
    except BaseException:
        lock.release()
        raise


def _lock(path: Path) -> FileLock:
    try:
        return FileLock(path)
    except OSError as error:
        raise AnnotationError(
            f"{path} cannot be locked ({error.strerror}): choose a folder that may be written to, on a file "
            "system that has locks"
        ) from error


def _header(stream: IO[bytes], path: Path) -> dict[str, Any]:
    header = _parsed(stream.readline())
    if header is None or header.get("journal") != VERSION:
        raise NotAJournalError(f"{path} is not a journal of this version: start again with --overwrite")
    return header


def _entries(stream: IO[bytes]) -> Iterator[tuple[dict[str, Any], int]]:
    """Each entry and where the following one begins, until one that was not finished."""
    while (entry := _parsed(stream.readline())) and "file_name" in entry:
        yield entry, stream.tell()


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The object of a line; None for a line that was not finished."""
    if not line.endswith(b"\n"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _unwritable(path: Path, error: OSError) -> AnnotationError:
    return AnnotationError(
        f"{path} cannot be written ({error.strerror}): check that the folder may be written to and has space "
        "left, then go on with --resume"
    )
