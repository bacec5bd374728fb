"""Encoded images of one model: from memory, from disk, or from the network."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zsi_core import __version__
from zsi_core.engine.disk_cache import DiskCache
from zsi_core.engine.memory_cache import Fingerprint, MemoryCache
from zsi_core.engine.scheduler import Lane
from zsi_core.errors import ImageError
from zsi_core.files import file_sha256
from zsi_core.images import read_image

if TYPE_CHECKING:
    from zsi_core.inference import EncodedImage, Segmenter

Source = Literal["memory", "disk", "network"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """An encoded image, where it was found, and whether it is kept in memory."""

    encoded: EncodedImage
    source: Source
    in_memory: bool


class EncodedImages:
    """Finds or makes the encoded image of a file, each at most once while its content stays the same.

    In memory an image is known by its path, size and time of change; on disk by the hash of its content, so
    that a folder that moved keeps its entries. Whatever else decides about the encoding is part of the key.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        memory: MemoryCache,
        disk: DiskCache,
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        """
        Args:
            segmenter: the model; images of another one must be gone from `memory`.
            memory, disk: where encoded images are kept.
            later: does what nobody waits for.
        """
        self.segmenter = segmenter
        self.memory = memory
        self.disk = disk
        self._later = later
        self._key = _model_key(segmenter)

    def get(self, path: str, *, ahead: bool = False) -> Generator[Lane, None, Held]:
        """Steps of a job that finds or makes the encoded image of a file.

        Args:
            path: image file.
            ahead: see `zsi_core.engine.requests.Encode`.

        Raises:
            ImageError: the file cannot be read; the message names it.
        """
        if (encoded := self.memory.get(path, _fingerprint(path))) is not None:
            return Held(encoded, "memory", in_memory=True)
        yield Lane.ENCODE
        fingerprint = _fingerprint(path)
        if (encoded := self.memory.get(path, fingerprint)) is not None:  # another job was faster
            yield Lane.ASK
            return Held(encoded, "memory", in_memory=True)
        key = self._content_key(path)
        source: Source = "disk"
        encoded = self._from_disk(key)
        if encoded is None:
            source = "network"
            image = read_image(path)
            yield Lane.ENCODE
            encoded = self.segmenter.encode(image)
            if _fingerprint(path) == fingerprint:
                self._keep_on_disk(key, encoded)
        if ahead:
            in_memory = self.memory.put_ahead(path, fingerprint, encoded)
        else:
            in_memory = True
            self.memory.put(path, fingerprint, encoded)
        yield Lane.ASK
        return Held(encoded, source, in_memory)

    def drop(self, path: str) -> bool:
        """Forget an image; whether it was there."""
        in_memory = self.memory.drop(path)
        try:
            on_disk = self.disk.drop(self._content_key(path))
        except ImageError:  # the file is gone: its entry goes when it is the oldest
            on_disk = False
        return in_memory or on_disk

    def _keep_on_disk(self, key: str, encoded: EncodedImage) -> None:
        from zsi_core.engine.stored import to_bytes

        if self.disk.limit:
            self._later(lambda: self.disk.put(key, to_bytes(encoded)))

    def _from_disk(self, key: str) -> EncodedImage | None:
        from zsi_core.engine.stored import from_bytes

        content = self.disk.get(key)
        if content is None:
            return None
        try:
            encoded = from_bytes(content, self.segmenter.device)
            if encoded.checkpoint_sha256 != self.segmenter.checkpoint.sha256:
                raise ValueError("it is of another model")
        except ValueError as error:
            _log.warning("the entry %s of %s is dropped: %s", key, self.disk.folder, error)
            self.disk.drop(key)
            return None
        return encoded

    def _content_key(self, path: str) -> str:
        try:
            content = file_sha256(Path(path))
        except OSError as error:
            raise _unreadable(path, error) from error
        return hashlib.sha256(f"{content} {self._key}".encode()).hexdigest()


def _fingerprint(path: str) -> Fingerprint:
    try:
        status = os.stat(path)  # noqa: PTH116 - this runs at every key stroke
    except OSError as error:
        raise _unreadable(path, error) from error
    return Fingerprint(status.st_size, status.st_mtime_ns)


def _unreadable(path: str, error: OSError) -> ImageError:
    return ImageError(
        f"{path} cannot be read ({error.strerror or error}): check whether it was moved, and its permissions"
    )


def _model_key(segmenter: Segmenter) -> str:
    """Everything but the image that decides about an encoding."""
    info = segmenter.checkpoint.info
    values = {
        "program": __version__,
        "checkpoint": segmenter.checkpoint.sha256,
        "model": info.model.to_dict(),
        "preprocessing": dict(info.preprocessing),
        "seen": info.seen_sha256,
        "second_opinion": None if info.second_opinion is None else asdict(info.second_opinion),
        "precision": str(segmenter.dtype),
        "device": segmenter.device.partition(":")[0],
    }
    return json.dumps(values, sort_keys=True)
