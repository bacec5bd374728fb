"""How fast the canvas is: objects on a 1080p image in a window of 1600 x 1000, brush on 12 megapixels."""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from harness import Case, run
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication

from app.canvas.canvas import Canvas
from app.canvas.editor import Copy, Found
from app.canvas.objects import CanvasObject
from app.project.geometry import Box, Geometry
from zsi_core.instances.polygons import Part
from zsi_core.preview import PALETTE

WINDOW = (1600, 1000)
IMAGE = (1920, 1080)
POINTS = 40
RADIUS = 30
NONE = Qt.MouseButton.NoButton
LEFT = Qt.MouseButton.LeftButton


class Sink:
    """An editor that takes what it gets."""

    def __init__(self) -> None:
        self.canvas: Canvas

    def add(self, geometry: Geometry, tool: str) -> str | None:
        self.canvas.update_objects([CanvasObject("new", geometry, "new", PALETTE[0], "drawn")])
        return "new"

    def replace(self, geometries: Mapping[str, Geometry], tool: str) -> None:
        self.canvas.update_objects(
            CanvasObject(uuid, geometry, "new", PALETTE[0], "corrected")
            for uuid, geometry in geometries.items()
        )

    def delete(self, uuids: Sequence[str]) -> None: ...
    def merge(self, uuids: Sequence[str], geometry: Geometry) -> None: ...
    def split(self, uuid: str, geometries: Sequence[Geometry]) -> Sequence[str]:
        return ()

    def paste(self, copies: Sequence[Copy]) -> Sequence[str]:
        return ()

    def segment_point(self, x: float, y: float, then: Found) -> bool:
        return False

    def segment_box(self, box: Box, then: Found) -> bool:
        return False

    def stop_segmenting(self) -> None: ...
    def add_found(self, geometry: Geometry, made_by: Mapping[str, Any], tool: str) -> str | None:
        return None


def random_rings(number: int, points: int = POINTS, radius: float = RADIUS) -> list[np.ndarray]:
    """(P, 2) rings all over a 1080p image, the same ones every time."""
    chance = random.Random(0)
    angles = [2 * math.pi * k / points for k in range(points)]
    rings = []
    for _ in range(number):
        x, y = chance.uniform(radius, IMAGE[0] - radius), chance.uniform(radius, IMAGE[1] - radius)
        far = [radius * (0.75 + 0.25 * chance.random()) for _ in angles]
        rings.append(
            np.array([(x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(far, angles, strict=True)])
        )
    return rings


class Bench:
    """A canvas on screen with a number of objects."""

    def __init__(self, number: int, points: int = POINTS, radius: float = RADIUS) -> None:
        self.rings = random_rings(number, points, radius)
        editor = Sink()
        self.canvas = editor.canvas = Canvas(editor)
        self.canvas.resize(*WINDOW)
        self.canvas.show()
        QApplication.processEvents()  # nothing is painted before the window is exposed
        noise = np.random.default_rng(0).integers(0, 255, (IMAGE[1], IMAGE[0], 4), dtype=np.uint8)
        self.image = QImage(noise.data, *IMAGE, QImage.Format.Format_RGB32).copy()
        self._chance = random.Random(1)
        self.load()
        self.load()  # what the first time costs belongs to no object

    def load(self) -> None:
        """Image and objects from arrays to the screen."""
        self.canvas.set_image(self.image)
        self.canvas.set_objects(
            CanvasObject(
                str(i),
                Geometry.from_parts([Part(ring)]),
                f"class{i % 20}",
                PALETTE[i % 7],
                "proposed" if i % 4 == 0 else "accepted",
            )
            for i, ring in enumerate(self.rings)
        )
        self.paint()

    def paint(self) -> None:
        """All of it: many objects are drawn in slices."""
        self.canvas.repaint()
        while not (self.canvas.object_layer.complete or self.canvas._settle.isActive()):
            self.canvas.repaint()

    def mouse(self, kind: QEvent.Type, x: float, y: float, held: Qt.MouseButton = NONE) -> None:
        place = QPointF(x, y)
        button = NONE if kind == QEvent.Type.MouseMove else LEFT
        modifiers = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(
            self.canvas, QMouseEvent(kind, place, self.canvas.mapToGlobal(place), button, held, modifiers)
        )
        QApplication.processEvents()
        while self.canvas._repaints.waiting:
            QApplication.processEvents()

    def move(self) -> None:
        """The mouse jumps somewhere, with all the painting it asks for."""
        x, y = self._chance.random() * WINDOW[0], self._chance.random() * WINDOW[1]
        self.mouse(QEvent.Type.MouseMove, x, y)

    def zoom(self, to: float | None) -> None:
        """Fit (None) or another zoom, settled."""
        self.canvas.fit()
        if to is not None:
            self.canvas.zoom_to(to)
            self.canvas._settle.stop()
        self.paint()

    def pan(self) -> None:
        """One step of a drag with the middle button."""
        self.canvas.pan(self._chance.choice((-9, 9)), self._chance.choice((-6, 6)))
        self.paint()

    def edit(self) -> None:
        """One object gets another shape, on screen."""
        i = self._chance.randrange(len(self.rings))
        geometry = Geometry.from_parts([Part(self.rings[i] + self._chance.random())])
        self.canvas.update_objects([CanvasObject(str(i), geometry, "edited", PALETTE[0], "corrected")])
        self.paint()

    def zoom_step(self) -> None:
        """One notch of the wheel, before it settles."""
        self.canvas.zoom_by(1.25 if self.canvas.zoom < 2 else 0.5)
        self.paint()


class BrushBench(Bench):
    """A brush on an object of an image of 12 megapixels."""

    def __init__(self) -> None:
        super().__init__(1)
        pixels = np.random.default_rng(0).integers(0, 255, (3000, 4000, 4), dtype=np.uint8)
        self.image = QImage(pixels.data, 4000, 3000, QImage.Format.Format_RGB32).copy()
        self.load()
        self.canvas.set_tool("brush")
        self.canvas.set_brush_size(120)
        self.x = 400.0

    def start(self) -> None:
        self.x = 400.0
        self.canvas.select(())
        self.mouse(QEvent.Type.MouseMove, self.x, 500)

    def press(self) -> None:
        self.mouse(QEvent.Type.MouseButtonPress, self.x, 500, LEFT)

    def stroke(self) -> None:
        self.x += 12
        self.mouse(QEvent.Type.MouseMove, self.x, 500 + (self.x % 30), LEFT)

    def end(self) -> None:
        self.mouse(QEvent.Type.MouseButtonRelease, self.x, 500)

    def drawn(self) -> None:
        """Prepare: a stroke is under way."""
        self.start()
        self.press()
        for _ in range(20):
            self.stroke()


def cases(options: argparse.Namespace) -> tuple[list[Case], dict[str, Any]]:
    options.threads = 1  # of the window
    application = QApplication.instance() or QApplication([])
    timed = []
    for number, load_ms in ((500, 200), (2000, 600)):
        bench = Bench(number)

        def fitted(bench: Bench = bench) -> None:
            bench.zoom(None)

        def close(bench: Bench = bench) -> None:
            bench.zoom(4.0)

        name = f"{number:,} polygons: "
        timed += [
            Case(name + "load and show", bench.load, goal_ms=load_ms),
            Case(name + "repaint, fitted", bench.canvas.repaint, fitted, goal_ms=8),
            Case(name + "repaint, 400 %", bench.canvas.repaint, close, goal_ms=8),
            Case(name + "mouse move, fitted", bench.move, fitted, goal_ms=8),
            Case(name + "mouse move, 400 %", bench.move, close, goal_ms=8),
            Case(name + "step of a pan", bench.pan, fitted, goal_ms=8),
            Case(name + "step of a zoom", bench.zoom_step, fitted),
            Case(name + "edit, on screen", bench.edit, fitted),
        ]
    dense = Bench(20, 3000, 150)
    timed.append(Case("20 polygons of 3,000 points: load and show", dense.load))
    timed.append(Case("20 polygons of 3,000 points: mouse move", dense.move, goal_ms=8))
    brush = BrushBench()
    timed.append(Case("12 megapixels: brush begins", brush.press, brush.start))
    timed.append(Case("12 megapixels: step of the brush", brush.stroke, brush.drawn, goal_ms=8))
    timed.append(Case("12 megapixels: stroke ends", brush.end, brush.drawn))
    return timed, {"window": WINDOW, "image": IMAGE, "platform": application.platformName()}


if __name__ == "__main__":
    run("Canvas", cases)
