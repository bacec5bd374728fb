"""Draws the current proposal of the review thicker than all others, with its label."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtGui import QPainter

from app.canvas.canvas import Canvas
from app.canvas.drawing import Look, draw_objects, extent
from app.canvas.scene import Item
from app.canvas.settings import ViewSettings
from app.proposals.review import Review


class ReviewMark:
    """One of the marks of a canvas."""

    def __init__(self, canvas: Canvas, review: Review) -> None:
        self._canvas, self._review = canvas, review
        self._marked: Item | None = None
        canvas.marks.append(self._paint)
        review.changed.connect(self._follow)

    @property
    def _settings(self) -> ViewSettings:
        return replace(self._canvas.settings, labels=True)

    def _follow(self) -> None:
        """Repaint what was marked, and what is from now on."""
        record = self._review.current
        before, self._marked = self._marked, self._canvas.scene.get(record.uuid) if record else None
        self._canvas.marked = record.uuid if record else None
        for item in (before, self._marked):
            if item is not None:
                self._canvas.update(extent(item, self._canvas.viewport, self._settings).toAlignedRect())

    def _paint(self, painter: QPainter) -> None:
        canvas = self._canvas
        item = canvas.scene.get(self._marked.object.uuid) if self._marked is not None else None
        if item is None or not canvas.scene.is_shown(item) or item.object.uuid in canvas.active_tool.editing:
            return
        draw_objects(painter, [item], canvas.viewport, self._settings, Look.CURRENT)
