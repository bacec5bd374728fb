"""A table of one column in place of a list view, which asks for every row whenever one changes."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QSize
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyleOptionViewItem, QTableView

from app.docks.row_delegate import RowDelegate


def one_column_table(model: QAbstractListModel, picture: QSize | None = None) -> QTableView:
    """A view that looks like a list.

    Args:
        picture: size of the pictures, for rows that have some.
    """
    view = QTableView()
    view.setModel(model)
    delegate = RowDelegate(view, picture)
    view.setItemDelegate(delegate)
    view.setShowGrid(False)
    view.setTabKeyNavigation(False)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.horizontalHeader().hide()
    view.horizontalHeader().setStretchLastSection(True)
    view.verticalHeader().hide()
    view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    option = QStyleOptionViewItem()
    option.initFrom(view)
    view.verticalHeader().setDefaultSectionSize(delegate.sizeHint(option, model.index(0)).height())
    return view
