"""The panel of objects of the image in view; its selection is the canvas's."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtWidgets import QAbstractItemView, QLabel, QListView, QVBoxLayout, QWidget

from app.canvas.canvas import Canvas
from app.docks.row_delegate import COLOUR_ROLE, DASHED_ROLE, ICONS_ROLE, SIDE_ROLE, RowDelegate
from app.project import Change, ClassRecord, ObjectRecord
from app.session import Session
from app.theme import icon

_Index = QModelIndex | QPersistentModelIndex


class ObjectsModel(QAbstractListModel):
    """The top object comes first. Rejected proposals are left out."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.records: list[ObjectRecord] = []
        self._classes: dict[int, ClassRecord] = {}
        self._rows: dict[str, int] = {}

    def reload(self) -> None:
        """Read the objects of the image in view; rows that only changed keep their selection."""
        project, image_id = self._session.project, self._session.image_id
        records = project.objects(image_id) if project is not None and image_id is not None else []
        records = [record for record in reversed(records) if record.state != "rejected"]
        self._classes = self._session.classes()
        if [record.uuid for record in records] == [record.uuid for record in self.records]:
            self.records = records
            if records:
                self.dataChanged.emit(self.index(0), self.index(len(records) - 1))
            return
        self.beginResetModel()
        self.records = records
        self._rows = {record.uuid: row for row, record in enumerate(records)}
        self.endResetModel()

    def row_of(self, uuid: str) -> int | None:
        """None for an object that is not listed."""
        return self._rows.get(uuid)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.records)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        record = self.records[index.row()]
        owner = self._classes[record.class_id]
        if role == Qt.ItemDataRole.DisplayRole:
            return owner.name
        if role == COLOUR_ROLE:
            return owner.color
        if role == DASHED_ROLE:
            return record.state == "proposed"
        if role == SIDE_ROLE:
            return _state_text(record)
        if role == ICONS_ROLE:
            names = [name for name, on in (("lock", record.locked), ("hidden", record.hidden)) if on]
            return [icon(name) for name in names]
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            x1, y1, x2, y2 = record.geometry.box
            flags = (", locked" if record.locked else "") + (", hidden" if record.hidden else "")
            return f"{owner.name}, {_state_text(record)}, {x2 - x1:.0f} x {y2 - y1:.0f} px{flags}"
        return None


class ObjectsPanel(QWidget):
    """The list; selecting here selects on the canvas, and the other way round."""

    def __init__(self, session: Session, canvas: Canvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._canvas = session, canvas
        self._following = False
        self.model = ObjectsModel(session, self)
        self.list = QListView()
        self.list.setAccessibleName("Objects of the image")
        self.list.setModel(self.model)
        self.list.setItemDelegate(RowDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.doubleClicked.connect(lambda _: canvas.fit_selection())
        self.empty = QLabel("No objects in this image yet.")
        self.empty.setProperty("role", "hint")
        self.empty.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 8)
        layout.addWidget(self.empty)
        layout.addWidget(self.list, 1)
        session.project_changed.connect(self._reload)
        session.image_changed.connect(lambda _: self._reload())
        session.changed.connect(self._on_change)
        canvas.selection_changed.connect(lambda _: self._follow())
        self.list.selectionModel().selectionChanged.connect(self._lead)
        self._reload()

    @property
    def selected(self) -> list[ObjectRecord]:
        """Selected objects, from top to bottom."""
        rows = sorted(index.row() for index in self.list.selectionModel().selectedIndexes())
        return [self.model.records[row] for row in rows]

    def _on_change(self, change: Change) -> None:
        if change.classes or self._session.image_id in change.images:
            self._reload()

    def _reload(self) -> None:
        self._following = True  # the list loses its selection for a moment; the canvas keeps it
        try:
            self.model.reload()
        finally:
            self._following = False
        self.empty.setVisible(self._session.image_id is not None and not self.model.records)
        self._follow()

    def _follow(self) -> None:
        """Select what the canvas selects; hidden objects can only be selected here and stay selected."""
        rows = [row for uuid in self._canvas.selection if (row := self.model.row_of(uuid)) is not None]
        wanted = QItemSelection()
        for row in rows:
            wanted.select(self.model.index(row), self.model.index(row))
        if self._following:
            return
        self._following = True
        try:
            self.list.selectionModel().select(wanted, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            if rows:
                self.list.scrollTo(self.model.index(rows[-1]))
                flags = QItemSelectionModel.SelectionFlag.NoUpdate
                self.list.selectionModel().setCurrentIndex(self.model.index(rows[-1]), flags)
        finally:
            self._following = False

    def _lead(self) -> None:
        if not self._following:
            self._following = True
            try:
                self._canvas.select([record.uuid for record in self.selected], reveal=True)
            finally:
                self._following = False


def _state_text(record: ObjectRecord) -> str:
    return record.state if record.score is None else f"{record.state} {record.score:.2f}"
