"""The panel of objects of the image in view; its selection is the canvas's."""

from __future__ import annotations

from collections.abc import Callable, Collection

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtWidgets import QAbstractItemView, QLabel, QVBoxLayout, QWidget

from app.canvas.canvas import Canvas
from app.docks.row_delegate import COLOUR_ROLE, DASHED_ROLE, ICONS_ROLE, SIDE_ROLE
from app.docks.table import one_column_table
from app.project import Change, ObjectRecord
from app.proposals.proposals import Proposals
from app.session import Session
from app.theme import icon
from app.turns import in_turn

_Index = QModelIndex | QPersistentModelIndex


class ObjectsModel(QAbstractListModel):
    """The top object comes first. Rejected proposals, and those below their threshold, are left out."""

    def __init__(self, session: Session, shows: Callable[[ObjectRecord], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._shows = session, shows
        self.records: list[ObjectRecord] = []
        self._rows: dict[str, int] = {}

    def reload(self) -> None:
        """List the objects of the image in view."""
        self.beginResetModel()
        self._take(self._listed())
        self.endResetModel()

    def follow(self, uuids: Collection[str], class_ids: Collection[int] = ()) -> None:
        """List what a change of objects and classes left; rows that only changed keep their selection."""
        changed: dict[int, ObjectRecord] = {}
        for uuid in uuids:
            row, record = self._rows.get(uuid), self._session.objects.get(uuid)
            listed = record is not None and self._lists(record)
            if listed != (row is not None):
                self.reload()
                return
            if row is not None and record is not None:
                changed[row] = record
        if any(record.z != self.records[row].z for row, record in changed.items()):
            self.reload()
            return
        for row, record in changed.items():
            self.records[row] = record
        renamed = [row for row, record in enumerate(self.records) if record.class_id in class_ids]
        rows = [*changed, *renamed]
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))

    def gain(self, uuids: Collection[str]) -> int:
        """How many more rows there are when these objects are followed."""
        objects = self._session.objects
        now = sum(uuid in objects and self._lists(objects[uuid]) for uuid in uuids)
        return now - sum(uuid in self._rows for uuid in uuids)

    def _listed(self) -> list[ObjectRecord]:
        return [record for record in reversed(self._session.objects.values()) if self._lists(record)]

    def _lists(self, record: ObjectRecord) -> bool:
        return record.state != "rejected" and self._shows(record)

    def _take(self, records: list[ObjectRecord]) -> None:
        self.records = records
        self._rows = {record.uuid: row for row, record in enumerate(records)}

    def row_of(self, uuid: str) -> int | None:
        """None for an object that is not listed."""
        return self._rows.get(uuid)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.records)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        record = self.records[index.row()]
        owner = self._session.classes()[record.class_id]
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
            about = f"{owner.name}, {_state_text(record)}, {x2 - x1:.0f} x {y2 - y1:.0f} px{flags}"
            return about if role == Qt.ItemDataRole.AccessibleTextRole else f"{about}\n{_origin_text(record)}"
        return None


class ObjectsPanel(QWidget):
    """The list; selecting here selects on the canvas, and the other way round."""

    listed = Signal()
    """Other objects are listed, or they changed."""

    def __init__(
        self, session: Session, canvas: Canvas, proposals: Proposals, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._canvas = session, canvas
        self._following = False
        self._changed: set[str] = set()
        self._behind = False  # the canvas has selected something else since
        self.model = ObjectsModel(session, proposals.shows, self)
        self.list = one_column_table(self.model)
        self.list.setAccessibleName("Objects of the image")
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
        proposals.thresholds.changed.connect(self._on_thresholds)
        canvas.selection_changed.connect(lambda _: self._on_selection())
        self.list.selectionModel().selectionChanged.connect(self._lead)
        self._reload()

    @property
    def number(self) -> int:
        """Of the objects that are listed, or will be in a moment."""
        return len(self.model.records) + self.model.gain(self._changed)

    @property
    def records(self) -> list[ObjectRecord]:
        """Listed objects, from top to bottom."""
        if self._changed:
            self._follow_change()
        return self.model.records

    @property
    def selected(self) -> list[ObjectRecord]:
        """Selected objects, from top to bottom."""
        if self._changed:
            self._follow_change()
        if self._behind:
            self._follow()
        return self._selected_rows()

    def _selected_rows(self) -> list[ObjectRecord]:
        rows = sorted(index.row() for index in self.list.selectionModel().selectedIndexes())
        return [self.model.records[row] for row in rows]

    def _on_change(self, change: Change) -> None:
        if self._session.image_id in change.images:
            self._changed |= change.objects
        if any(record.class_id in change.classes for record in self.model.records):
            self._follow_change(change.classes)  # at once: rows of a class that is gone cannot be painted
        elif self._changed:
            in_turn(self, self._follow_change)

    def _follow_change(self, class_ids: Collection[int] = ()) -> None:
        changed, self._changed = self._changed, set()
        self._renew(lambda: self.model.follow(changed, class_ids))

    def _on_thresholds(self) -> None:
        if any(record.state == "proposed" for record in self._session.objects.values()):
            in_turn(self, self._reload)

    def _reload(self) -> None:
        self._changed.clear()
        self._renew(self.model.reload)

    def _renew(self, renew: Callable[[], None]) -> None:
        self._following = True  # the list loses its selection for a moment; the canvas keeps it
        try:
            renew()
        finally:
            self._following = False
        self.empty.setVisible(self._session.image_id is not None and not self.model.records)
        self._follow()
        self.listed.emit()

    def _on_selection(self) -> None:
        if not self._following:
            self._behind = True
            in_turn(self, self._follow)

    def _follow(self) -> None:
        """Select what the canvas selects; hidden objects can only be selected here and stay selected."""
        rows = [row for uuid in self._canvas.selection if (row := self.model.row_of(uuid)) is not None]
        wanted = QItemSelection()
        for row in rows:
            wanted.select(self.model.index(row), self.model.index(row))
        self._following, self._behind = True, False
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
                self._canvas.select([record.uuid for record in self._selected_rows()], reveal=True)
            finally:
                self._following = False


def _state_text(record: ObjectRecord) -> str:
    return record.state if record.score is None else f"{record.state} {record.score:.2f}"


def _origin_text(record: ObjectRecord) -> str:
    """Who made an object, from which name, and what edited it."""
    made, tools = record.made_by, list(dict.fromkeys(str(edit["tool"]) for edit in record.edits))
    if record.by_model:
        origin = f"Proposed by the model {made['model']} ({str(made.get('checkpoint_sha256', ''))[:8]})"
        origin += f" for “{made['name']}”" if made.get("name") else ""
    else:
        origin = f"Made with {str(made.get('tool', 'an unknown tool')).replace('_', ' ')}"
    return f"{origin}, edited with {', '.join(tools)}".replace("_", " ") if tools else origin
