"""Decodes images in threads, keeps the neighbours of the one in view ready, and never blocks the window."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from app.jobs import Task, run_task

if TYPE_CHECKING:
    import numpy as np

PREVIEW_ABOVE_PIXELS = 12_000_000
"""Larger images appear as a scaled preview first: decoding them takes more than half a second."""

PREVIEW_SIDE = 1600
_URGENT = 10


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """Pixels of an image file.

    Attributes:
        size: (width, height) of the original after its EXIF rotation.
        image: its pixels, or those of a preview.
        preview: the pixels are scaled down, the whole follows.
        stamp: modification time and size of the file when it was read.
    """

    path: Path
    size: tuple[int, int]
    image: QImage
    preview: bool
    stamp: tuple[int, int]


class ImageLoader(QObject):
    """Hands out decoded images; a request for one makes earlier requests void."""

    loaded = Signal(object)
    """`LoadedImage` of the requested path; for a very large image twice, the preview first."""
    failed = Signal(object, object)
    """(path, exception): the requested image cannot be shown."""

    def __init__(self, budget_bytes: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._budget = budget_bytes
        self._cache: OrderedDict[Path, LoadedImage] = OrderedDict()
        self._running: dict[Path, Task] = {}
        self._wanted: Path | None = None
        self._neighbours: tuple[Path, ...] = ()

    @property
    def cached(self) -> tuple[Path, ...]:
        """Paths whose images are ready, the one used longest ago first."""
        return tuple(self._cache)

    def set_budget(self, budget_bytes: int) -> None:
        """Bound the memory of the images that are kept; the one in view is kept in any case."""
        self._budget = budget_bytes
        self._trim()

    def request(self, path: Path, neighbours: Sequence[Path] = ()) -> None:
        """Load an image, at once if it is ready, and then its neighbours, the likeliest next one first."""
        self._wanted, self._neighbours = path, tuple(neighbours)
        for other in [other for other in self._running if other != path and other not in neighbours]:
            self._running.pop(other).cancel()
        ready = self._cache.get(path)
        if ready is not None and ready.stamp == _stamp(path):
            self._cache.move_to_end(path)
            self.loaded.emit(ready)
            self._prefetch()
            return
        self._cache.pop(path, None)
        self._start(path)

    def forget(self) -> None:
        """Drop all images and all work under way."""
        for task in self._running.values():
            task.cancel()
        self._running.clear()
        self._cache.clear()
        self._wanted = None
        self._neighbours = ()

    def _start(self, path: Path) -> None:
        if path in self._running:
            return

        def done(image: LoadedImage) -> None:
            self._running.pop(path, None)
            self._keep(image)
            if path == self._wanted:
                self.loaded.emit(image)
            self._prefetch()

        def failed(error: Exception) -> None:
            self._running.pop(path, None)
            if path == self._wanted and not urgent:
                self._start(path)  # it was read ahead, perhaps while it was being written
                return
            if path == self._wanted:  # a broken neighbour is told of when it is to be shown
                self.failed.emit(path, error)
            self._prefetch()

        def preview(image: LoadedImage) -> None:
            if path == self._wanted:
                self.loaded.emit(image)

        urgent = path == self._wanted
        self._running[path] = run_task(
            _decoder(path), done, failed, on_report=preview, priority=_URGENT if urgent else 0
        )

    def _prefetch(self) -> None:
        if self._running:
            return
        for path in self._neighbours:
            if path not in self._cache and _likely_fits(path, self._budget):
                self._neighbours = tuple(other for other in self._neighbours if other != path)
                self._start(path)
                return

    def _keep(self, image: LoadedImage) -> None:
        self._cache[image.path] = image
        self._cache.move_to_end(image.path)
        self._trim()

    def _trim(self) -> None:
        used = sum(image.image.sizeInBytes() for image in self._cache.values())
        for path in list(self._cache):
            if used <= self._budget:
                return
            if path != self._wanted:
                used -= self._cache.pop(path).image.sizeInBytes()


def _decoder(path: Path) -> Callable[[Task], LoadedImage]:
    def decode(task: Task) -> LoadedImage:
        from zsi_core.images import image_size, read_image, read_preview  # Pillow waits for the first image

        stamp = _stamp(path)
        width, height = image_size(path)
        if width * height > PREVIEW_ABOVE_PIXELS:
            pixels, size = read_preview(path, PREVIEW_SIDE)
            task.report(LoadedImage(path, size, to_qimage(pixels), True, stamp))
        task.check()
        pixels = read_image(path)
        return LoadedImage(path, (pixels.shape[1], pixels.shape[0]), to_qimage(pixels), False, stamp)

    return decode


def to_qimage(pixels: np.ndarray) -> QImage:
    """(H, W, 3) uint8 RGB as an image of its own in the format that paints fastest."""
    height, width, _ = pixels.shape
    view = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return view.convertToFormat(QImage.Format.Format_RGB32)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)  # reading it tells what is wrong
    return (status.st_mtime_ns, status.st_size)


def _likely_fits(path: Path, budget: int) -> bool:
    """Whether reading ahead is worth it; a file that is missing or huge is left for when it is wanted."""
    size = _stamp(path)[1]
    return 0 < size < budget // 4
