"""Encoded images in memory, within a budget of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zsi_core.inference import EncodedImage


@dataclass(frozen=True)
class Fingerprint:
    """What tells that a file is still the one that was encoded."""

    size: int
    modified_ns: int


class MemoryCache:
    """Encoded images by path, least recently used first. Threads may share it.

    Over the budget go, in this order: what queries computed of masks of any image but the last used, images
    that nobody asked to keep, then the others; the image that was used last always stays.
    """

    def __init__(self, limit: int) -> None:
        """
        Args:
            limit: most bytes.
        """
        self.limit = limit
        self._images: OrderedDict[str, tuple[Fingerprint, EncodedImage]] = OrderedDict()
        self._neighbours: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def get(self, path: str, fingerprint: Fingerprint) -> EncodedImage | None:
        """The encoded image of a file in this state; one of another state is dropped."""
        with self._lock:
            found = self._images.get(path)
            if found is None:
                return None
            if found[0] != fingerprint:
                del self._images[path]
                return None
            self._images.move_to_end(path)
            return found[1]

    def put(self, path: str, fingerprint: Fingerprint, encoded: EncodedImage) -> None:
        """Keep an image."""
        with self._lock:
            self._images[path] = (fingerprint, encoded)
            self._images.move_to_end(path)
        self.shrink()

    def put_ahead(self, path: str, fingerprint: Fingerprint, encoded: EncodedImage) -> bool:
        """Keep an image if it fits beside the neighbours that are here already; whether it was kept."""
        with self._lock:
            taken = sum(image.nbytes for p, (_, image) in self._images.items() if p in self._neighbours)
            if path not in self._neighbours or taken + encoded.nbytes > self.limit:
                return False
            used = next(reversed(self._images), path)
            self._images[path] = (fingerprint, encoded)
            self._images.move_to_end(used)  # it is what a person looks at
        self.shrink()
        return True

    def keep(self, paths: Sequence[str]) -> None:
        """Which images go last when memory is short."""
        with self._lock:
            self._neighbours = frozenset(paths)

    def drop(self, path: str) -> bool:
        """Forget one; whether there was one."""
        with self._lock:
            return self._images.pop(path, None) is not None

    def clear(self) -> int:
        """Forget all; how many there were."""
        with self._lock:
            count = len(self._images)
            self._images.clear()
            return count

    def __len__(self) -> int:
        return len(self._images)

    @property
    def nbytes(self) -> int:
        """Bytes of all images, with what queries added to them."""
        with self._lock:
            return self._nbytes()

    def shrink(self) -> None:
        """Get below the budget; call it after queries, which add to the images."""
        with self._lock:
            if self._nbytes() <= self.limit:
                return
            others = list(self._images)[:-1]
            for path in others:
                fingerprint, image = self._images[path]
                # A new value, because a query may be using the old one in another thread.
                self._images[path] = (fingerprint, replace(image, pixel_features={}))
            for path in sorted(others, key=lambda path: path in self._neighbours):  # stable: oldest first
                if self._nbytes() <= self.limit:
                    return
                del self._images[path]

    def _nbytes(self) -> int:
        return sum(image.nbytes for _, image in self._images.values())
