"""The images of a project that pass the search, as rows; records are read a page at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.docks.row_delegate import BELOW_ROLE, DOT_ROLE, PICTURE_ROLE, STRONG_ROLE
from app.project import Change, ImageFilter, ImageRecord
from app.session import Session
from app.theme import current, icon
from app.thumbnails import Thumbnails

_Index = QModelIndex | QPersistentModelIndex
_PAGE = 100


class ImagesModel(QAbstractListModel):
    """Attributes:
    ids: of all images that pass the filter, in order.
    """

    def __init__(self, session: Session, thumbnails: Thumbnails, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._thumbnails = session, thumbnails
        self.filter = ImageFilter()
        self.ids: list[int] = []
        self._rows: dict[int, int] = {}
        self._pages: dict[int, list[ImageRecord]] = {}
        self._row_of_path: dict[object, int] = {}
        self._shown: dict[int, int] = {}
        thumbnails.ready.connect(self._picture_ready)

    def set_filter(self, wanted: ImageFilter) -> None:
        """List what passes another filter."""
        self.filter = wanted
        self.reload()

    def reload(self) -> None:
        """Ask for the images anew. Images that only came behind the others do not disturb the list."""
        project = self._session.project
        ids = project.image_ids(self.filter) if project else []
        old = len(self.ids)
        if old and len(ids) > old and ids[:old] == self.ids:
            self._append(ids[old:])
            return
        self.beginResetModel()
        self._row_of_path.clear()
        self._shown.clear()
        self.ids = ids
        self._rows = {image_id: row for row, image_id in enumerate(ids)}
        self._pages.clear()
        self.endResetModel()

    def _append(self, ids: list[int]) -> None:
        old = len(self.ids)
        self.beginInsertRows(QModelIndex(), old, old + len(ids) - 1)
        self.ids += ids
        self._rows.update((image_id, row) for row, image_id in enumerate(ids, old))
        self._pages.clear()
        self.endInsertRows()

    def _came_behind(self, change: Change) -> list[int]:
        """The images of a change, if all that it did to the list is to add them at its end.

        A folder of 10,000 images comes in parts; asking for the whole list each time takes longer and longer.
        """
        project = self._session.project
        if not self.ids or not change.images or self.filter != ImageFilter() or project is None:
            return []
        if not self._rows.keys().isdisjoint(change.images):
            return []
        ids = project.image_ids(after=self.ids[-1])
        return ids if change.images.issuperset(ids) and len(ids) == len(change.images) else []

    def follow_list(self, change: Change) -> None:
        """Images were added, removed or moved."""
        if ids := self._came_behind(change):
            self._append(ids)
        else:
            self.reload()

    def follow(self, image_ids: Collection[int]) -> None:
        """Images or their objects have changed; rows stay where they are until the next search."""
        for image_id in image_ids:
            self._shown.pop(image_id, None)
        rows = [self._rows[image_id] for image_id in image_ids if image_id in self._rows]
        shown = self._session.image
        for row in rows:
            page = self._pages.get(row // _PAGE)
            if page and shown is not None and shown.id == self.ids[row]:
                page[row % _PAGE] = shown
            else:
                self._pages.pop(row // _PAGE, None)
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))

    def count_shown_anew(self) -> None:
        """A threshold was moved."""
        if self._shown:
            self._shown.clear()
            self.dataChanged.emit(self.index(0), self.index(len(self.ids) - 1))

    def row_of(self, image_id: int | None) -> int:
        """-1 for an image that is not listed."""
        return self._rows.get(image_id, -1) if image_id is not None else -1

    def record(self, row: int) -> ImageRecord | None:
        """The image of a row; None if it was removed in the meantime."""
        number = row // _PAGE
        page = self._pages.get(number)
        if page is None:
            project = self._session.project
            wanted = self.ids[number * _PAGE : (number + 1) * _PAGE]
            page = self._pages[number] = project.images(wanted) if project else []
        place = row - number * _PAGE
        record = page[place] if place < len(page) else None
        return record if record is not None and record.id == self.ids[row] else None

    def neighbours(self, image_id: int, step: int) -> Iterable[ImageRecord]:
        """The likeliest next images: two on in the direction of travel, one back."""
        row = self.row_of(image_id)
        for other in (row + step, row - step, row + 2 * step):
            if row >= 0 and 0 <= other < len(self.ids) and (record := self.record(other)):
                yield record

    def mark_broken(self, image_id: int, broken: bool = True) -> None:
        """The image could not be shown, or could be again."""
        row = self.row_of(image_id)
        if row >= 0 and (record := self.record(row)) and broken != (record.path in self._thumbnails.broken):
            self._thumbnails.broken ^= {record.path}
            self.dataChanged.emit(self.index(row), self.index(row))

    def _picture_ready(self, path: object) -> None:
        row = self._row_of_path.get(path)
        if row is not None and row < len(self.ids):
            self.dataChanged.emit(self.index(row), self.index(row), [PICTURE_ROLE, BELOW_ROLE])

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.ids)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        record = self.record(index.row())
        if record is None:
            return None
        broken = record.path in self._thumbnails.broken
        if role == Qt.ItemDataRole.DisplayRole:
            return record.name
        if role == PICTURE_ROLE:
            if broken:
                return icon("caution", current().caution)
            self._row_of_path[record.path] = index.row()
            return self._thumbnails.pixmap(record.path)
        if role == BELOW_ROLE:
            return "cannot be read" if broken else _about(record, self._shown_of(record))
        if role == DOT_ROLE:
            return None if broken else _dot(record.status, self._shown_of(record))
        if role == STRONG_ROLE:
            return record.id == self._session.image_id
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            about = "cannot be read" if broken else _about(record, self._shown_of(record))
            return f"{record.name}: {about}"
        return None

    def _shown_of(self, record: ImageRecord) -> int:
        """How many proposals are above their thresholds; it takes time, so only painted rows ask."""
        project = self._session.project
        if not record.counts["proposed"] or project is None:
            return 0
        if record.id not in self._shown:
            self._shown[record.id] = project.shown_proposals(record.id)
        return self._shown[record.id]


def _about(record: ImageRecord, shown: int) -> str:
    """What stands below the name; `shown` proposals of the image are above their thresholds."""
    objects = sum(number for state, number in record.counts.items() if state not in ("rejected", "proposed"))
    proposals = f"{shown} proposal{'s' if shown != 1 else ''}"
    if record.status == "proposals":
        hidden = "started" if objects else "weak proposals only"
        parts = [f"{proposals} to review" if shown else hidden]
    else:
        parts = [record.status, *([proposals] if shown else [])]
    if objects:
        parts.append(f"{objects} object{'s' if objects != 1 else ''}")
    return ", ".join(parts)


def _dot(status: str, shown: int) -> tuple[str, bool]:
    """Colour of the dot, and whether it is filled; the word beside it says the same."""
    colours = current()
    return {
        "new": (colours.dim, False),
        "started": (colours.accent, False),
        "proposals": (colours.caution, shown > 0),
        "finished": (colours.good, True),
    }[status]
