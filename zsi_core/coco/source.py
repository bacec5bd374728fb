"""The lists of an annotation file of unknown origin: in memory, or read entry by entry when it is large."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from zsi_core.coco.json_file import load_json
from zsi_core.coco.stream import CocoStream
from zsi_core.coco.values import shown
from zsi_core.errors import AnnotationError

MAX_IN_MEMORY = 128 << 20
"""Bytes of a file that is taken into memory whole: some 1 GB as Python objects. Larger ones are streamed."""

LISTS = ("images", "annotations", "categories", "licenses")


class Source(Protocol):
    """Where annotations come from.

    Attributes:
        path: the file, for messages.
    """

    path: Path

    def entries(self, key: str) -> Iterable[Any]:
        """The entries of a list at the top of the file, empty if there is none; each call starts anew.

        Raises:
            AnnotationError: the file cannot be read, or the value is no list.
        """
        ...

    def value(self, key: str, default: Any) -> Any:
        """A small value at the top of the file."""
        ...


class DocumentSource:
    """A COCO document in memory."""

    def __init__(self, path: Path, document: Any) -> None:
        """
        Raises:
            AnnotationError: it is not the document of an annotation file.
        """
        self.path = path
        if isinstance(document, list):
            raise AnnotationError(
                f"{path} is a list, perhaps of detection results: give the annotation file they belong to"
            )
        if not isinstance(document, dict) or "images" not in document:
            raise AnnotationError(f"{path} is no COCO annotation file: it has no list of images")
        self.document: dict[str, Any] = document

    def entries(self, key: str) -> list[Any]:
        entries = self.document.get(key)
        if entries is None:
            return []
        if not isinstance(entries, list):
            raise AnnotationError(f"{self.path}: {key} must be a list, but is {shown(entries)}")
        return entries

    def value(self, key: str, default: Any) -> Any:
        return self.document.get(key, default)


class StreamSource:
    """A COCO file that is too large for memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = CocoStream(path)

    def entries(self, key: str) -> Iterable[Any]:
        return self._stream.entries(key)

    def value(self, key: str, default: Any) -> Any:
        return self._stream.value(key, default)


def open_source(path: Path, *, allow_nan: bool = False) -> Source:
    """A COCO file for reading.

    Args:
        allow_nan: accept the words NaN and Infinity, which JSON does not have; in a file that is read whole.

    Raises:
        AnnotationError: it cannot be read, or is no annotation file.
    """
    if path.is_file() and path.stat().st_size > MAX_IN_MEMORY:
        return StreamSource(path)
    return DocumentSource(path, load_json(path, allow_nan=allow_nan))
