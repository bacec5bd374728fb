"""Draws the current proposal of the review thicker than all others, with its label."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtGui import QPainter

from app.canvas.canvas import Canvas
from app.canvas.drawing import Look, draw_objects
from app.proposals.review import Review


class ReviewMark:
    """An overlay of a canvas."""

    def __init__(self, canvas: Canvas, review: Review) -> None:
        self._canvas, self._review = canvas, review
        canvas.overlays.append(self._paint)
        review.changed.connect(canvas.update)

    def _paint(self, painter: QPainter) -> None:
        record, canvas = self._review.current, self._canvas
        item = canvas.scene.get(record.uuid) if record is not None else None
        if item is None or not canvas.scene.is_shown(item) or item.object.uuid in canvas.active_tool.editing:
            return
        settings = replace(canvas.settings, labels=True)
        draw_objects(painter, [item], canvas.viewport, settings, Look.CURRENT)
