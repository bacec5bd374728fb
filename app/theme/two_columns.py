"""A list row with text on the left and fainter text on the right."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

SIDE_ROLE = int(Qt.ItemDataRole.UserRole) + 50
"""Role of the text on the right."""

_MARGIN = 10


class TwoColumns(QStyledItemDelegate):
    """Paints `SIDE_ROLE` at the right edge of the row."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """A little higher than text needs."""
        size = super().sizeHint(option, index)
        size.setHeight(max(size.height(), option.fontMetrics.height() + 12))
        return size

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """The row, then the text on the right."""
        super().paint(painter, option, index)
        side = index.data(SIDE_ROLE)
        if not side:
            return
        painter.save()
        painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(
            option.rect.adjusted(_MARGIN, 0, -_MARGIN, 0),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
            str(side),
        )
        painter.restore()
