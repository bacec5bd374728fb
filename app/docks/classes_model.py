"""The classes of a project as rows."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.docks.row_delegate import COLOUR_ROLE, KEY_ROLE, SIDE_ROLE, STRONG_ROLE
from app.project import ClassRecord
from app.project.commands import EditClass
from app.session import Session

_Index = QModelIndex | QPersistentModelIndex


class ClassesModel(QAbstractListModel):
    """Name, colour, key and number of objects; names are edited in place."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.records: list[ClassRecord] = []
        self._counts: dict[int, dict[str, int]] = {}

    def reload(self) -> None:
        """Read all rows anew; rows that only changed keep their selection."""
        records = list(self._session.classes().values())
        if [record.id for record in records] == [record.id for record in self.records]:
            self.records = records
            self._count()
            self._all_changed()
            return
        self.beginResetModel()
        self.records = records
        self._count()
        self.endResetModel()

    def count_again(self) -> None:
        """Numbers of objects may have changed."""
        before = self._counts
        self._count()
        for row, record in enumerate(self.records):
            if self._counts.get(record.id) != before.get(record.id):
                self.dataChanged.emit(self.index(row), self.index(row))

    def mark(self) -> None:
        """Another class is the one to draw with."""
        self._all_changed()

    def row_of(self, class_id: int | None) -> int:
        """-1 for a class that is not listed."""
        return next((row for row, record in enumerate(self.records) if record.id == class_id), -1)

    def count(self, class_id: int) -> int:
        """Objects of a class, rejected ones left out."""
        return sum(number for state, number in self._states(class_id).items() if state != "rejected")

    def _states(self, class_id: int) -> dict[str, int]:
        return self._counts.get(class_id, {})

    def _count(self) -> None:
        project = self._session.project
        self._counts = project.class_counts() if project else {}

    def _all_changed(self) -> None:
        if self.records:
            self.dataChanged.emit(self.index(0), self.index(len(self.records) - 1))

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.records)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if self._session.writable else flags

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        record = self.records[index.row()]
        proposed = self._states(record.id).get("proposed", 0)
        labels = self.count(record.id) - proposed
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return record.name
        if role == COLOUR_ROLE:
            return record.color
        if role == KEY_ROLE:
            return record.hotkey
        if role == SIDE_ROLE:
            return f"{labels:,}" if labels else ""
        if role == STRONG_ROLE:
            return record.id == self._session.class_id
        drawing = ", new objects get this class" if record.id == self._session.class_id else ""
        proposals = f", {proposed:,} proposals" if proposed else ""
        key = f", key {record.hotkey}" if record.hotkey else ""
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{record.name}, {labels} objects{proposals}{key}{drawing}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{record.name}: {labels:,} objects{proposals}{key}{drawing}"
        return None

    def setData(self, index: _Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        record = self.records[index.row()]
        name = str(value).strip()
        if not name or name == record.name:
            return False
        return self._session.do(EditClass(record.id, name=name)) is not None
