"""Files that can be made again, in a folder of bounded size: the least recently used ones go first."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from zsi_core.files import atomic_write

_log = logging.getLogger(__name__)


class DiskCache:
    """Content by key. Several processes may share the folder.

    What cannot be read or written costs time, nothing else: it is logged and made again.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        """
        Args:
            folder: it is made when something is stored.
            limit: most bytes of all files together.
        """
        self.folder = folder
        self.limit = limit

    def get(self, key: str) -> bytes | None:
        """Content under a key, or None; marks it as used."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("%s cannot be read: %s", path, error)
            return None
        with suppress(OSError):  # a folder that only others may write to: it is not kept as long
            os.utime(path)
        return content

    def put(self, key: str, content: bytes) -> None:
        """Keep content, unless it alone is over the limit."""
        if len(content) > self.limit:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(self._path(key)) as stream:
                stream.write(content)
        except OSError as error:
            _log.warning("an encoded image cannot be kept in %s: %s", self.folder, error)
        self._shrink()

    def drop(self, key: str) -> bool:
        """Forget one; whether there was one."""
        try:
            self._path(key).unlink()
        except OSError:
            return False
        return True

    def clear(self) -> int:
        """Forget all; how many there were."""
        return sum(self.drop(path.stem) for path in self._files())

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"

    def _files(self) -> list[Path]:
        return list(self.folder.glob("*.safetensors")) if self.folder.is_dir() else []

    def _shrink(self) -> None:
        # Everything counts, so that the temporary file of a process that was killed goes in its turn, too.
        found = []
        with suppress(OSError):
            for entry in os.scandir(self.folder):
                with suppress(OSError):  # another process was faster
                    status = entry.stat()
                    found.append((status.st_mtime_ns, status.st_size, entry.path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self.limit:
                return
            with suppress(OSError):
                Path(path).unlink()
                total -= size
