"""A real canvas on screen, with an editor that keeps objects in memory and remembers what was asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.canvas.canvas import Canvas
from app.canvas.editor import Copy, Found
from app.canvas.objects import CanvasObject
from app.project.geometry import Box, Geometry
from zsi_core.instances import rle
from zsi_core.instances.polygons import Part

ORANGE, BLUE = (230, 159, 0), (0, 114, 178)


class MemoryEditor:
    """An editor whose project is what the canvas shows."""

    def __init__(self) -> None:
        self.canvas: Canvas
        self.calls: list[tuple[Any, ...]] = []
        self.asked: list[Found] = []
        self.has_model = True
        self._number = 0

    def add(self, geometry: Geometry, tool: str) -> str | None:
        self.calls.append(("add", tool))
        return self._new(geometry, "drawn")

    def replace(self, geometries: Mapping[str, Geometry], tool: str) -> None:
        self.calls.append(("replace", tool, tuple(geometries)))
        objects = self.canvas.objects
        self.canvas.update_objects(replace(objects[uuid], geometry=new) for uuid, new in geometries.items())

    def delete(self, uuids: Sequence[str]) -> None:
        self.calls.append(("delete", tuple(uuids)))
        self.canvas.remove_objects(uuids)

    def merge(self, uuids: Sequence[str], geometry: Geometry) -> None:
        self.calls.append(("merge", tuple(uuids)))
        self.canvas.update_objects([replace(self.canvas.objects[uuids[0]], geometry=geometry)])
        self.canvas.remove_objects(uuids[1:])

    def split(self, uuid: str, geometries: Sequence[Geometry]) -> Sequence[str]:
        self.calls.append(("split", uuid, len(geometries)))
        object_ = self.canvas.objects[uuid]
        self.canvas.update_objects([replace(object_, geometry=geometries[0])])
        return [uuid, *(self._new(geometry, object_.state) for geometry in geometries[1:])]

    def paste(self, copies: Sequence[Copy]) -> Sequence[str]:
        self.calls.append(("paste", len(copies)))
        return [self._new(copy.geometry, "drawn") for copy in copies]

    def segment_point(self, x: float, y: float, then: Found) -> bool:
        self.calls.append(("segment_point", x, y))
        self.asked.append(then)
        return self.has_model

    def segment_box(self, box: Box, then: Found) -> bool:
        self.calls.append(("segment_box", box))
        self.asked.append(then)
        return self.has_model

    def stop_segmenting(self) -> None:
        self.calls.append(("stop_segmenting",))

    def add_found(self, geometry: Geometry, made_by: Mapping[str, Any], tool: str) -> str | None:
        self.calls.append(("add_found", tool, made_by["name"]))
        return self._new(geometry, "drawn")

    def _new(self, geometry: Geometry, state: str) -> str:
        self._number += 1
        uuid = f"new{self._number}"
        self.canvas.update_objects([CanvasObject(uuid, geometry, "thing", BLUE, state)])
        return uuid


class Hand:
    """Drives the canvas with mouse and keys; places are in pixels of the image."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas

    def place(self, x: float, y: float) -> QPoint:
        return self.canvas.viewport.to_widget(x, y).toPoint()

    def move(self, x: float, y: float) -> None:
        QTest.mouseMove(self.canvas, self.place(x, y))

    def press(self, x: float, y: float, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        self.move(x, y)
        QTest.mousePress(self.canvas, Qt.MouseButton.LeftButton, modifiers, self.place(x, y))

    def release(self, x: float, y: float, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, modifiers, self.place(x, y))

    def click(self, x: float, y: float, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        self.press(x, y, modifiers)
        self.release(x, y, modifiers)

    def double_click(self, x: float, y: float) -> None:
        self.click(x, y)
        QTest.mouseDClick(
            self.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, self.place(x, y)
        )

    def drag(self, *places: tuple[float, float], modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        self.press(*places[0], modifiers)
        for start, end in pairwise(places):
            for share in (0.5, 1.0):
                self.drag_to(
                    start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share, modifiers
                )
        self.release(*places[-1], modifiers)

    def drag_to(
        self,
        x: float,
        y: float,
        modifiers: Any = Qt.KeyboardModifier.NoModifier,
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    ) -> None:
        """A move with a button held: QTest.mouseMove knows neither buttons nor modifiers."""
        place = QPointF(self.place(x, y))
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            place,
            self.canvas.mapToGlobal(place),
            Qt.MouseButton.NoButton,
            button,
            modifiers,
        )
        QApplication.sendEvent(self.canvas, event)

    def key(self, key: Qt.Key, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.canvas, key, modifiers)


def square(x1: float, y1: float, x2: float, y2: float) -> Geometry:
    return polygon(np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], dtype=np.float64))


def polygon(points: np.ndarray) -> Geometry:
    return Geometry.from_parts([Part(points)])


def mask_of(x1: int, y1: int, x2: int, y2: int, size: tuple[int, int] = (400, 300)) -> Geometry:
    pixels = np.zeros(size[::-1], bool)
    pixels[y1:y2, x1:x2] = True
    return Geometry.from_mask(rle.encode(pixels))


def thing(uuid: str, geometry: Geometry, **changes: Any) -> CanvasObject:
    return replace(CanvasObject(uuid, geometry, "thing", ORANGE, "accepted"), **changes)


@pytest.fixture
def editor() -> MemoryEditor:
    return MemoryEditor()


@pytest.fixture
def canvas(qtbot: Any, editor: MemoryEditor) -> Iterator[Canvas]:
    """600 x 500 on screen, with an image of 400 x 300 and nothing else."""
    widget = Canvas(editor)
    editor.canvas = widget
    qtbot.addWidget(widget)
    widget.resize(600, 500)
    with qtbot.waitExposed(widget):
        widget.show()
    image = QImage(400, 300, QImage.Format.Format_RGB32)
    image.fill(0x607080)
    widget.set_image(image)
    widget.setFocus()
    widget.repaint()
    yield widget
    widget.hide()


@pytest.fixture
def hand(canvas: Canvas) -> Hand:
    return Hand(canvas)


@pytest.fixture
def make() -> SimpleNamespace:
    """Functions that make geometries and objects."""
    return SimpleNamespace(square=square, polygon=polygon, mask=mask_of, thing=thing)
