"""The loss of a training run by its steps, painted small."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import current

SMOOTHING = 0.9
"""Share of the mean so far in a running mean: single steps jump, and say little."""

_MARGIN = 8.0


class LossCurve(QWidget):
    """Single steps in pale, their running mean over it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Loss by step")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(120)
        self.losses: Sequence[tuple[int, float]] = ()
        self._steps_total = 0

    def sizeHint(self) -> QSize:
        return QSize(420, 150)

    def show_losses(self, losses: Sequence[tuple[int, float]], steps_total: int) -> None:
        """
        Args:
            losses: (step, loss) in order.
            steps_total: of the whole training; the curve leaves room for them.
        """
        if (len(losses), steps_total) != (len(self.losses), self._steps_total):
            self.losses, self._steps_total = losses, steps_total
            last = f": {losses[-1][1]:.2f} at step {losses[-1][0]:,} of {steps_total:,}" if losses else ""
            self.setAccessibleDescription(f"Loss{last}")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours.line), 1))
        painter.setBrush(QColor(colours.base))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        painter.setPen(QColor(colours.dim))
        if len(self.losses) < 2:
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "The loss appears here")
            return
        text = painter.fontMetrics()
        labels = [f"{max(loss for _, loss in self.losses):.2f}", "0"]
        room = QRectF(self.rect()).adjusted(
            _MARGIN + max(map(text.horizontalAdvance, labels)) + 6,
            _MARGIN + text.ascent() / 2,
            -_MARGIN - 4,
            -_MARGIN - text.height() - 2,
        )
        steps = f"{self._steps_total:,} steps"
        for label, y in zip(labels, (room.top(), room.bottom()), strict=True):
            painter.drawText(QPointF(_MARGIN, y + text.ascent() / 2 - 1), label)
        below = room.bottom() + text.height()
        painter.drawText(QPointF(room.left(), below), "Loss")
        painter.drawText(QPointF(room.right() - text.horizontalAdvance(steps), below), steps)
        painter.setPen(QPen(QColor(colours.line), 1))
        painter.drawLine(room.bottomLeft(), room.bottomRight())
        painter.drawLine(room.topLeft(), room.bottomLeft())
        pale = QColor(colours.accent)
        pale.setAlpha(80)
        painter.setPen(QPen(pale, 1))
        painter.drawPolyline(self._places(self.losses, room))
        painter.setPen(QPen(QColor(colours.accent), 2))
        painter.drawPolyline(self._places(running_mean(self.losses), room))

    def _places(self, losses: Sequence[tuple[int, float]], room: QRectF) -> list[QPointF]:
        highest = max(loss for _, loss in self.losses) or 1.0
        last = max(self._steps_total, self.losses[-1][0], 1)
        return [
            QPointF(
                room.left() + room.width() * step / last,
                room.bottom() - room.height() * max(loss, 0) / highest,
            )
            for step, loss in losses
        ]


def running_mean(losses: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """(step, exponential mean of the losses up to it), not drawn to the first one (bias corrected)."""
    mean, weight, result = 0.0, 0.0, []
    for step, loss in losses:
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        result.append((step, mean / weight))
    return result
