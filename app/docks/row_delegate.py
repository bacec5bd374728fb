"""Paints the rows of all panels: a swatch or picture, text, fainter text below or at the right."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QIcon, QPainter, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

_Index = QModelIndex | QPersistentModelIndex
_FIRST = int(Qt.ItemDataRole.UserRole)
COLOUR_ROLE = _FIRST + 1
"""#rrggbb of the swatch."""
KEY_ROLE = _FIRST + 2
"""A letter in the swatch."""
SIDE_ROLE = _FIRST + 3
"""Text at the right edge."""
DASHED_ROLE = _FIRST + 4
"""The swatch is an empty dashed frame: a proposal."""
STRONG_ROLE = _FIRST + 5
"""The text is bold."""
BELOW_ROLE = _FIRST + 6
"""Text in a second line."""
PICTURE_ROLE = _FIRST + 7
"""QPixmap at the left edge; None leaves its place empty."""
ICONS_ROLE = _FIRST + 8
"""QIcons before the text at the right edge."""
DOT_ROLE = _FIRST + 9
"""(#rrggbb, filled) of the dot before the second line."""

_MARGIN = 8
_SWATCH = 18


class RowDelegate(QStyledItemDelegate):
    """Draws what the roles of this file hold; colours come from the palette."""

    def __init__(self, parent: Any, picture: QSize | None = None) -> None:
        """Args:
        picture: size of the pictures, for rows that have some.
        """
        super().__init__(parent)
        self._picture = picture

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Rows of one height."""
        if self._picture is not None:
            return QSize(120, self._picture.height() + 10)
        return QSize(120, max(option.fontMetrics.height() + 10, _SWATCH + 8))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Background as the style wants it, then the parts from left to right."""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        rect = option.rect.adjusted(_MARGIN, 0, -_MARGIN, 0)
        if self._picture is not None:
            rect = self._paint_picture(painter, rect, index)
        elif index.data(COLOUR_ROLE):
            rect = self._paint_swatch(painter, rect, index)
        rect = self._paint_right(painter, rect, option.palette, option.font, index)
        self._paint_text(painter, rect, option, index)
        painter.restore()

    def _paint_picture(self, painter: QPainter, rect: QRect, index: _Index) -> QRect:
        assert self._picture is not None
        width, height = self._picture.width(), self._picture.height()
        frame = QRect(rect.left(), rect.center().y() - height // 2 + 1, width, height)
        pixmap = index.data(PICTURE_ROLE)
        if isinstance(pixmap, QPixmap):
            size = pixmap.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(0, 0, size.width(), size.height())
            place.moveCenter(frame.center())
            painter.drawPixmap(place, pixmap)
        elif isinstance(pixmap, QIcon):
            pixmap.paint(painter, QRect(frame.center().x() - 12, frame.center().y() - 12, 24, 24))
        return rect.adjusted(width + 10, 0, 0, 0)

    def _paint_swatch(self, painter: QPainter, rect: QRect, index: _Index) -> QRect:
        colour = QColor(index.data(COLOUR_ROLE))
        box = QRectF(rect.left() + 0.5, rect.center().y() - _SWATCH / 2 + 0.5, _SWATCH, _SWATCH)
        if index.data(DASHED_ROLE):
            painter.setPen(QPen(colour, 2, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 4, 4)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawRoundedRect(box, 4, 4)
        if key := index.data(KEY_ROLE):
            font = QFont(painter.font())
            font.setBold(True)
            painter.setFont(font)
            painter.setPen(text_on(colour))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(key))
        return rect.adjusted(_SWATCH + 9, 0, 0, 0)

    def _paint_right(
        self, painter: QPainter, rect: QRect, palette: QPalette, font: QFont, index: _Index
    ) -> QRect:
        side = index.data(SIDE_ROLE)
        if side:
            painter.setFont(font)
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, str(side))
            rect = rect.adjusted(0, 0, -QFontMetrics(font).horizontalAdvance(str(side)) - 8, 0)
        for icon in index.data(ICONS_ROLE) or ():
            icon.paint(painter, QRect(rect.right() - 15, rect.center().y() - 7, 16, 16))
            rect = rect.adjusted(0, 0, -20, 0)
        return rect

    def _paint_text(
        self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: _Index
    ) -> None:
        font = QFont(option.font)
        font.setBold(bool(index.data(STRONG_ROLE)))
        metrics = QFontMetrics(font)
        text = metrics.elidedText(str(index.data() or ""), Qt.TextElideMode.ElideMiddle, max(0, rect.width()))
        below = index.data(BELOW_ROLE)
        upper = rect
        if below is not None:
            half = metrics.height() + 2
            upper = QRect(rect.left(), rect.center().y() - half, rect.width(), half)
            lower = QRect(rect.left(), rect.center().y() + 2, rect.width(), half)
            lower = self._paint_dot(painter, lower, index)
            painter.setFont(option.font)
            painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(
                lower,
                Qt.AlignmentFlag.AlignVCenter,
                option.fontMetrics.elidedText(str(below), Qt.TextElideMode.ElideRight, lower.width()),
            )
        painter.setFont(font)
        painter.setPen(option.palette.color(QPalette.ColorRole.Text))
        painter.drawText(upper, Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_dot(self, painter: QPainter, rect: QRect, index: _Index) -> QRect:
        dot = index.data(DOT_ROLE)
        if not dot:
            return rect
        colour, filled = dot
        painter.setPen(QPen(QColor(colour), 1.6))
        painter.setBrush(QColor(colour) if filled else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QRectF(rect.left() + 1, rect.center().y() - 3.5, 8, 8))
        return rect.adjusted(16, 0, 0, 0)


def text_on(colour: QColor) -> QColor:
    """Black or white, whichever reads better on a colour."""
    light = 0.299 * colour.redF() + 0.587 * colour.greenF() + 0.114 * colour.blueF()
    return QColor("#101418") if light > 0.55 else QColor("#ffffff")
