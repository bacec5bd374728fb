"""The panel of images: search, counts, and the list with thumbnails."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QTimer, Signal
from PySide6.QtWidgets import QAbstractItemView, QLabel, QLineEdit, QVBoxLayout, QWidget

from app.docks.images_model import ImagesModel
from app.docks.table import one_column_table
from app.project import Change, FilterError, ImageFilter
from app.project.commands.images import THRESHOLDS
from app.session import Session
from app.thumbnails import SIZE, Thumbnails
from app.turns import in_turn

_SEARCH_AFTER_MS = 120
_HELP = (
    "Words of the file name, and:\n"
    'class:cat or class:"hair drier" - images with such an object\n'
    "state:new, started, proposals, finished, drawn, accepted ... - images in that state\n"
    "score:<0.5 or score:0.3-0.6 - images with a proposal of that score"
)


class ImagesPanel(QWidget):
    """Choosing a row asks for its image; the row in view is bold."""

    wanted = Signal(object)
    """id of the image that was chosen."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._changed: set[int] = set()
        self.thumbnails = Thumbnails(self)
        self.model = ImagesModel(session, self.thumbnails, self)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search: name, class:cat, state:new")
        self.search.setAccessibleName("Search images")
        self.search.setAccessibleDescription(_HELP)
        self.search.setToolTip(_HELP)
        self.search.setClearButtonEnabled(True)
        self.status = QLabel()
        self.status.setProperty("role", "hint")
        self.status.setWordWrap(True)
        self.list = one_column_table(self.model, SIZE)
        self.list.setAccessibleName("Images")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 8)
        layout.setSpacing(6)
        for widget in (self.search, self.status, self.list):
            layout.addWidget(widget)
        self._search_soon = QTimer(self)
        self._search_soon.setSingleShot(True)
        self._search_soon.setInterval(_SEARCH_AFTER_MS)
        self._search_soon.timeout.connect(self.search_now)
        self.search.textChanged.connect(lambda _: self._search_soon.start())
        self.search.returnPressed.connect(self._search_and_leave)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        session.project_changed.connect(self._on_project)
        session.changed.connect(self._on_change)
        session.image_changed.connect(self.show_current)
        self._following = False
        self._count()

    def search_now(self) -> None:
        """List what matches the typed text."""
        self._search_soon.stop()
        try:
            wanted = ImageFilter.parse(self.search.text())
        except FilterError as error:
            self.status.setText(str(error))
            return
        if wanted != self.model.filter:
            self._reload(wanted)
        self._count()

    def show_current(self, image_id: object = None) -> None:
        """Mark the row of the image in view and scroll to it."""
        row = self.model.row_of(self._session.image_id)
        self._following = True
        try:
            self.list.selectionModel().setCurrentIndex(
                self.model.index(row), QItemSelectionModel.SelectionFlag.ClearAndSelect
            )
        finally:
            self._following = False
        if row >= 0:
            self.list.scrollTo(self.model.index(row))
        self.list.viewport().update()

    def _search_and_leave(self) -> None:
        self.search_now()
        self.list.setFocus()

    def _on_project(self) -> None:
        self.thumbnails.forget()
        self.search.clear()
        self._search_soon.stop()
        self._reload(ImageFilter())
        self.search.setEnabled(self._session.project is not None)
        self._count()

    def _reload(self, wanted: ImageFilter) -> None:
        self._following = True
        try:
            self.model.set_filter(wanted)
        finally:
            self._following = False
        self.show_current()

    def _on_change(self, change: Change) -> None:
        if change.image_list:
            self._following = True
            try:
                self.model.follow_list(change)
            finally:
                self._following = False
            self._count()
        elif change.images:
            self._changed |= change.images
            in_turn(self, self._follow)
        if any(key.startswith(THRESHOLDS) for key in change.settings):
            in_turn(self, self.model.count_shown_anew)

    def _follow(self) -> None:
        changed, self._changed = self._changed, set()
        self.model.follow(changed)
        self._count()

    def _on_current(self, index: QModelIndex | QPersistentModelIndex) -> None:
        if index.isValid() and not self._following:
            self.wanted.emit(self.model.ids[index.row()])

    def _count(self) -> None:
        project = self._session.project
        if project is None:
            self.status.setText("No project is open.")
            return
        counts = project.status_counts()
        total, listed = sum(counts.values()), len(self.model.ids)
        if total and not listed:
            self.status.setText(f"None of {total:,} images matches: change the search")
            return
        images = f"{total:,} image{'s' if total != 1 else ''}"
        shown = f"{listed:,} of {images}" if listed != total else images
        self.status.setText(f"{shown}, {counts['finished']:,} finished")
