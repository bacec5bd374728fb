"""Read an annotation file of any size entry by entry.

COCO's own files take gigabytes as Python objects; here a file is parsed as it is read, by ijson, and only one
entry of a list is in memory. Each list costs a pass over the file, some 35 MB a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import ijson

from zsi_core.coco.values import is_id, shown
from zsi_core.errors import AnnotationError

CHUNK = 1 << 20


class CocoStream:
    """A COCO file that is read anew for each of its parts.

    Attributes:
        path: the file.
    """

    def __init__(self, path: str | Path, on_read: Callable[[int], None] = lambda _: None) -> None:
        """
        Args:
            path: the file.
            on_read: told of every chunk that was read, with its number of bytes.
        """
        self.path = Path(path)
        self._on_read = on_read

    def entries(self, key: str, *ids: str) -> Iterator[dict[str, Any]]:
        """The objects of a list at the top of the file, in its order.

        Args:
            key: "images", "annotations" or "categories".
            ids: fields of each object that must be integers.

        Raises:
            AnnotationError: the file cannot be read, is not JSON or is cut off, or an entry is not such an
                object. What was yielded before was read well.
        """
        for i, entry in enumerate(self._values(f"{key}.item")):
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
            AnnotationError: as `entries`.
        """
        return next(self._values(key), default)

    def _values(self, prefix: str) -> Iterator[Any]:
        try:
            with self.path.open("rb") as stream:
                told = _Told(stream, self._on_read)
                yield from ijson.items(told, prefix, use_float=True, buf_size=CHUNK)
        except OSError as error:
            raise AnnotationError(f"{self.path} cannot be read ({error.strerror}): check the path") from error
        except ijson.IncompleteJSONError as error:
            raise AnnotationError(
                f"{self.path} is not valid JSON, or is cut off ({_one_line(error)}): copy it again"
            ) from error
        except ijson.JSONError as error:
            raise AnnotationError(
                f"{self.path} is not valid JSON ({_one_line(error)}): copy it again"
            ) from error


class _Told:
    """A stream that tells how much of it was read."""

    def __init__(self, stream: IO[bytes], on_read: Callable[[int], None]) -> None:
        self._stream = stream
        self._on_read = on_read

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self._on_read(len(chunk))
        return chunk


def _one_line(error: Exception) -> str:
    """What the parser says, without its picture of the place."""
    message = error.args[0] if error.args else ""
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
    return text.strip().partition("\n")[0]
