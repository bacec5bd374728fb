"""Write a COCO file image by image, so that memory does not grow with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from zsi_core import __version__
from zsi_core.errors import AnnotationError
from zsi_core.files import atomic_write

DEFAULT_INFO = {"description": "", "version": "", "contributor": f"ZSI Annotator {__version__}"}

_encode_carefully = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def _encode(value: Any) -> str:
    """JSON in ASCII, so that every program reads it.

    Raises:
        ValueError: a number in it is not finite.
    """
    try:
        text = msgspec.json.encode(value)
    except (TypeError, UnicodeEncodeError):  # a number of numpy, half a character
        return _encode_carefully(value)
    # msgspec is ten times as fast, but leaves letters as they are and turns NaN into null.
    plain = text.isascii() and b"null" not in text
    return text.decode("ascii") if plain else _encode_carefully(value)


class CocoFileStream:
    """An annotation file under way; open it with `coco_file`."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._images: list[str] = []
        self._any = False

    def add_image(self, image: Mapping[str, Any]) -> None:
        """List an image."""
        self._images.append(_encode(image))

    def add_annotations(self, annotations: Iterable[Mapping[str, Any]]) -> None:
        """List objects of any images."""
        lines = ",\n".join(map(_encode, annotations))
        if lines:
            self._stream.write((",\n" if self._any else "\n") + lines)
            self._any = True

    def end(self, categories: Sequence[Mapping[str, Any]]) -> None:
        """Close the lists."""
        self._stream.write('],\n"images":[\n' + ",\n".join(self._images) + "],\n")
        self._stream.write(f'"categories":{_encode(categories)}}}\n')


@contextmanager
def coco_file(
    path: Path,
    *,
    info: Mapping[str, Any],
    licenses: Sequence[Mapping[str, Any]],
    categories: Sequence[Mapping[str, Any]],
    extra: Mapping[str, Any] | None = None,
) -> Iterator[CocoFileStream]:
    """Write a file that appears complete when the body ends well, and not at all otherwise.

    Args:
        categories: read at the end: the body may add to them.
        extra: further keys at the top of the file.

    Raises:
        AnnotationError: the file cannot be written.
    """
    with writing(path) as stream:
        head = {"info": info, "licenses": licenses, **(extra or {})}
        stream.write(_encode(head)[:-1] + ',\n"annotations":[')
        file = CocoFileStream(stream)
        yield file
        file.end(categories)


@contextmanager
def writing(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """`atomic_write` whose errors name the file and the way out; missing folders are made.

    Raises:
        AnnotationError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, mode) as stream:
            yield stream
    except OSError as error:
        raise AnnotationError(
            f"{path} cannot be written ({error.strerror or error}): check that its folder may be written to "
            "and has space left"
        ) from error
