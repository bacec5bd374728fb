"""Small pictures for the list of images, made in threads when they are first looked at."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtGui import QImage, QPixmap

from app.image_loading import to_qimage
from app.jobs import Task, run_task

SIZE = QSize(84, 63)
_SHARPNESS = 2  # for screens with two pixels per point
_KEPT = 600
_WAITING = 60
_AT_ONCE = 2
_LATER = -10


class Thumbnails(QObject):
    """Those asked for last are made first: they are what is on screen after scrolling."""

    ready = Signal(object)
    """path of the image whose picture is there now."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._made: OrderedDict[Path, QPixmap] = OrderedDict()
        self._waiting: OrderedDict[Path, None] = OrderedDict()
        self._running: dict[Path, Task] = {}
        self.broken: set[Path] = set()
        """Images that could not be read."""

    def pixmap(self, path: Path) -> QPixmap | None:
        """The picture of an image; None while it is being made, or when the image cannot be read."""
        made = self._made.get(path)
        if made is not None:
            self._made.move_to_end(path)
        elif path not in self._running and path not in self.broken:
            self._waiting[path] = None
            self._waiting.move_to_end(path)
            while len(self._waiting) > _WAITING:
                self._waiting.popitem(last=False)
            self._start()
        return made

    def forget(self) -> None:
        """Drop everything: another project was opened."""
        for task in self._running.values():
            task.cancel()
        self._running.clear()
        self._waiting.clear()
        self._made.clear()
        self.broken.clear()

    def _start(self) -> None:
        while self._waiting and len(self._running) < _AT_ONCE:
            path, _ = self._waiting.popitem()
            self._running[path] = run_task(
                partial(_read, path), partial(self._keep, path), partial(self._refuse, path), priority=_LATER
            )

    def _keep(self, path: Path, image: QImage) -> None:
        self._running.pop(path, None)
        self._made[path] = QPixmap.fromImage(image)
        while len(self._made) > _KEPT:
            self._made.popitem(last=False)
        self.ready.emit(path)
        self._start()

    def _refuse(self, path: Path, error: Exception) -> None:
        """The list marks the image; the message comes when somebody wants to see it."""
        self._running.pop(path, None)
        self.broken.add(path)
        self.ready.emit(path)
        self._start()


def _read(path: Path, task: Task) -> QImage:
    from zsi_core.images import read_preview  # Pillow waits for the first image

    pixels, _ = read_preview(path, SIZE.width() * _SHARPNESS)
    return to_qimage(pixels)
