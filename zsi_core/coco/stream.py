"""Read an annotation file of any size entry by entry.

COCO's own files take gigabytes as Python objects. Here the file is mapped into memory and only one entry of a
list at a time becomes Python objects, decoded by msgspec.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from zsi_core.coco.values import is_id, shown
from zsi_core.errors import AnnotationError

REPORT_BYTES = 1 << 20
"""So much is read between two reports of progress."""

_BOM = b"\xef\xbb\xbf"
_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_list = msgspec.json.Decoder(list[msgspec.Raw] | None).decode
_value = msgspec.json.Decoder().decode


class MalformedError(AnnotationError):
    """An annotation file is no JSON object, or is cut off."""


class CocoStream:
    """A COCO file whose entries are decoded when they are asked for.

    Attributes:
        path: the file.
    """

    def __init__(self, path: str | Path, on_read: Callable[[int], None] = lambda _: None) -> None:
        """
        Args:
            path: the file.
            on_read: told now and then how many bytes of entries were read since it was told last.

        Raises:
            MalformedError: the file is not JSON, is cut off, or is not an object.
            AnnotationError: it cannot be read.
        """
        self.path = Path(path)
        self._on_read = on_read
        self._values = self._mapped()
        self._lists: dict[str, list[msgspec.Raw]] = {}

    def keys(self) -> list[str]:
        """The keys at the top of the file."""
        return list(self._values)

    def count(self, key: str) -> int:
        """The number of entries of a list at the top of the file.

        Raises:
            AnnotationError: the value is no list.
        """
        return len(self._list(key))

    def entries(self, key: str) -> Iterator[Any]:
        """The entries of a list at the top of the file, in its order; none if there is no such list.

        Raises:
            AnnotationError: the value is no list, or an entry cannot be decoded. What was yielded before was
                read well.
        """
        unreported = 0
        for i, raw in enumerate(self._list(key)):
            yield self._decoded(raw, f"{key}[{i}]")
            unreported += len(memoryview(raw))
            if unreported >= REPORT_BYTES:
                self._on_read(unreported)
                unreported = 0
        self._on_read(unreported)

    def objects(self, key: str, *ids: str) -> Iterator[dict[str, Any]]:
        """The entries of a list, all of which must be objects.

        Args:
            key: "images", "annotations" or "categories".
            ids: fields of each object that must be integers.

        Raises:
            AnnotationError: as `entries`, or an entry is not such an object.
        """
        for i, entry in enumerate(self.entries(key)):
            if not isinstance(entry, dict):
                raise AnnotationError(f"{self.path}: {key}[{i}] must be an object, but is {shown(entry)}")
            for field in ids:
                if not is_id(entry.get(field)):
                    raise AnnotationError(
                        f"{self.path}: {key}[{i}].{field} must be an integer, but is "
                        f"{shown(entry.get(field))}; `zsi validate` lists every fault of the file"
                    )
            yield entry

    def value(self, key: str, default: Any) -> Any:
        """A small value at the top of the file, such as `info`; `default` where there is none.

        Raises:
            AnnotationError: it cannot be decoded.
        """
        return self._decoded(self._values[key], key) if key in self._values else default

    def _mapped(self) -> dict[str, msgspec.Raw]:
        try:
            with self.path.open("rb") as stream:
                empty = not stream.seek(0, 2)
                data = b"" if empty else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise AnnotationError(f"{self.path} cannot be read ({error.strerror}): check the path") from error
        start = len(_BOM) if data[: len(_BOM)] == _BOM else 0
        try:
            return _top_level(memoryview(data)[start:])
        except (ValueError, RecursionError) as error:
            raise MalformedError(
                f"{self.path} is not valid JSON, or is cut off ({error}): copy it again"
            ) from error

    def _list(self, key: str) -> list[msgspec.Raw]:
        raw = self._values.get(key)
        if raw is None:
            return []
        if key in self._lists:
            return self._lists[key]
        try:
            return self._lists.setdefault(key, _list(raw) or [])
        except ValueError as error:
            start = bytes(memoryview(raw)[:60]).decode("utf-8", "replace")
            raise AnnotationError(f"{self.path}: {key} must be a list, but is {shown(start)}") from error

    def _decoded(self, raw: msgspec.Raw, where: str) -> Any:
        try:
            return _value(raw)
        except (ValueError, RecursionError):
            # A number beyond the largest float: the standard library reads it, as infinity.
            try:
                return json.loads(bytes(raw))
            except (ValueError, RecursionError) as error:
                raise AnnotationError(
                    f"{self.path}: {where} cannot be read ({error}): correct it, or export it again"
                ) from error
