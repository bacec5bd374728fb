"""Where annotations of unknown origin come from: a file read entry by entry, or a document in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from zsi_core.coco.json_file import MAX_BYTES, load_json
from zsi_core.coco.stream import CocoStream, MalformedError
from zsi_core.coco.values import shown
from zsi_core.errors import AnnotationError


class Source(Protocol):
    """Where annotations come from.

    Attributes:
        path: the file, for messages.
    """

    path: Path

    def keys(self) -> Iterable[str]:
        """The keys at the top of the file."""
        ...

    def entries(self, key: str) -> Iterable[Any]:
        """The entries of a list at the top of the file, empty if there is none; each call starts anew.

        Raises:
            AnnotationError: the file cannot be read, or the value is no list.
        """
        ...

    def count(self, key: str) -> int:
        """The number of entries of a list."""
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
        if not isinstance(document, dict):
            raise AnnotationError(_no_images(path))
        self.document: dict[str, Any] = document

    def keys(self) -> Iterable[str]:
        return self.document.keys()

    def entries(self, key: str) -> list[Any]:
        entries = self.document.get(key)
        if entries is None:
            return []
        if not isinstance(entries, list):
            raise AnnotationError(f"{self.path}: {key} must be a list, but is {shown(entries)}")
        return entries

    def count(self, key: str) -> int:
        return len(self.entries(key))

    def value(self, key: str, default: Any) -> Any:
        return self.document.get(key, default)


def open_source(path: Path, *, allow_nan: bool = False) -> Source:
    """A COCO file for reading.

    Args:
        allow_nan: accept the words NaN and Infinity, which JSON does not have.

    Raises:
        AnnotationError: it cannot be read, or is no annotation file.
    """
    source: Source
    try:
        source = CocoStream(path)
    except MalformedError:
        if path.stat().st_size > MAX_BYTES:
            raise
        # It says line and column of the fault, and reads what is no JSON, but can be made sense of.
        source = DocumentSource(path, load_json(path, allow_nan=allow_nan))
    if "images" not in set(source.keys()):
        raise AnnotationError(_no_images(path))
    return source


def _no_images(path: Path) -> str:
    return f"{path} is no COCO annotation file: it has no list of images"
