"""The journal of a run: one line of JSON for every finished image, on the disk before the next one begins.

The first line holds the request. What a killed process or a power cut left unreadable at the end is dropped,
and those images are done again. Entries are

    {"file_name", "image": {...}, "annotations": [...]}     as in a COCO file of this image alone
    {"file_name", "skipped": "why"}
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from zsi_core.coco.values import shown
from zsi_core.errors import AnnotationError
from zsi_core.files import atomic_write

VERSION = 1


class Journal:
    """An open journal; a context manager, which closes it.

    Attributes:
        path: the file.
        header: its first line.
        done: file names of the images that are finished.
        skipped: file name -> why it was skipped. It is not done: another run tries it again.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        """Use `create` or `resume`."""
        self.path = path
        self.header = header
        self.done: set[str] = set()
        self.skipped: dict[str, str] = {}
        self._offsets: dict[str, int] = {}
        self._stream = path.open("r+b", buffering=0)
        self._stream.seek(0, os.SEEK_END)

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> Journal:
        """Start a journal; an older one is replaced.

        Raises:
            AnnotationError: the file cannot be written.
        """
        header = {"journal": VERSION, **header}
        try:
            with atomic_write(path) as stream:
                stream.write(_line(header))
            return cls(path, header)
        except OSError as error:
            raise _unwritable(path, error) from error

    @classmethod
    def resume(cls, path: Path) -> Journal:
        """Go on with the journal of a run that was interrupted.

        Raises:
            AnnotationError: the file cannot be read, or is not a journal of this version.
        """
        try:
            with path.open("rb") as stream:
                header = _parsed(stream.readline())
                if header is None or header.get("journal") != VERSION:
                    raise AnnotationError(
                        f"{path} is not a journal of this version: start again with --overwrite"
                    )
                journal = cls(path, header)
                end = stream.tell()
                while (entry := _parsed(stream.readline())) and "file_name" in entry:
                    journal._note(entry, end)
                    end = stream.tell()
            journal._stream.truncate(end)
            journal._stream.seek(end)
            return journal
        except OSError as error:
            raise _unwritable(path, error) from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

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
        rest = _line(entry)
        try:
            offset = self._stream.tell()
            while rest:  # one call may write a part only, when the disk is nearly full
                rest = rest[self._stream.write(rest) :]
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise _unwritable(self.path, error) from error
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
        """Close and delete the file."""
        self._stream.close()
        self.path.unlink(missing_ok=True)


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
