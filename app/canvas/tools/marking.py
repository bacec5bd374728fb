"""How half drawn shapes look: white on black, so that they are seen on any picture."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen


def casing(width: float = 3.6) -> QPen:
    """The dark line below `line`."""
    return QPen(QColor(0, 0, 0, 200), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)


def line(width: float = 1.6, dashed: bool = False) -> QPen:
    """The bright line."""
    style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
    return QPen(QColor(255, 255, 255), width, style, Qt.PenCapStyle.FlatCap)


def paint_point(painter: QPainter, place: QPointF, large: bool = False, first: bool = False) -> None:
    """A point of a shape; the first one is a circle, large when a click would close the shape."""
    painter.setPen(QPen(QColor(0, 0, 0), 1.2))
    painter.setBrush(QColor(255, 255, 255))
    if first:
        radius = 7.0 if large else 4.5
        painter.drawEllipse(place, radius, radius)
    else:
        painter.drawRect(QRectF(place.x() - 2.5, place.y() - 2.5, 5, 5))


def paint_frame(painter: QPainter, rect: QRectF, dashed: bool = False) -> None:
    """A rectangle being drawn."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(255, 255, 255, 40))
    painter.drawRect(rect)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (casing(), line(dashed=dashed)):
        painter.setPen(pen)
        painter.drawRect(rect)
