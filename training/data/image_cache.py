"""Decoded images kept in memory that all worker processes share."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import weakref
from collections.abc import Callable, Sequence
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np

SHARED_MEMORY = Path("/dev/shm")
"""Where Linux keeps shared memory. Containers make it small, and a write beyond its end kills the process."""


class ImageCache:
    """Images of known sizes, each decoded once as long as there is room.

    An image has its place from the start or never gets one: while all images come equally often, keeping some
    for good gives more hits than making room for the latest. A place takes memory only when it is written.
    """

    def __init__(
        self, sizes: Sequence[tuple[int, int]], photographs: Sequence[tuple[int, int]], megabytes: int
    ) -> None:
        """
        Args:
            sizes: (height, width) of every image as it is kept.
            photographs: (height, width) of every image as it is decoded.
            megabytes: of 10^6 bytes, to be used at most. Where room is short, the photographs that cost most
                to decode for the bytes they take have precedence.
        """
        self._sizes = sizes
        room = megabytes * 1_000_000
        if SHARED_MEMORY.is_dir():
            room = min(room, shutil.disk_usage(SHARED_MEMORY).free // 2)
        self._places = _places(sizes, photographs, room)
        end = max((place + _bytes(sizes[i]) for i, place in self._places.items()), default=0)
        self._flags = end
        self._memory = SharedMemory(create=True, size=end + len(sizes)) if self._places else None
        # Taking it orders memory: whoever sees a flag sees the pixels. One made for "spawn" serves forks too.
        self._lock = multiprocessing.get_context("spawn").Lock()
        if self._memory is not None:
            weakref.finalize(self, _unlink, self._memory, os.getpid())

    def get(self, index: int, decode: Callable[[], np.ndarray]) -> np.ndarray:
        """Image `index`, (height, width, 3) uint8, from memory or else from `decode`."""
        place = self._places.get(index)
        if place is None or self._memory is None:
            return decode()
        kept = np.ndarray((*self._sizes[index], 3), np.uint8, self._memory.buf, place)
        flags = np.ndarray(len(self._sizes), np.bool_, self._memory.buf, self._flags)
        with self._lock:
            ready = flags[index]
        if ready:
            return kept.copy()
        pixels = decode()
        kept[:] = pixels
        with self._lock:
            flags[index] = True
        return pixels

    def __len__(self) -> int:
        """Images that have a place."""
        return len(self._places)


def _places(
    sizes: Sequence[tuple[int, int]], photographs: Sequence[tuple[int, int]], room: int
) -> dict[int, int]:
    """First byte of every image that is kept."""
    costs = [height * width / _bytes(size) for (height, width), size in zip(photographs, sizes, strict=True)]
    places: dict[int, int] = {}
    used = 0
    for index in sorted(range(len(sizes)), key=lambda i: -costs[i]):
        if used + _bytes(sizes[index]) + len(sizes) <= room:
            places[index] = used
            used += _bytes(sizes[index])
    return places


def _bytes(size: tuple[int, int]) -> int:
    return size[0] * size[1] * 3


def _unlink(memory: SharedMemory, owner: int) -> None:
    """Give the memory back, but not from a forked worker, which drops its copy of the cache earlier."""
    if os.getpid() == owner:
        memory.close()
        memory.unlink()
