"""Moves from image to image: decides which comes next, loads it, and survives those that cannot be shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.docks.images_model import ImagesModel
from app.errors import report_exception
from app.image_loading import ImageLoader, LoadedImage
from app.project import ImageRecord, Project
from app.project.commands import SetImageFacts
from app.session import Session
from zsi_core.errors import ImageError


class Navigator(QObject):
    """`wanted` is the image that was asked for last; the session's is the one that is shown."""

    shown = Signal(object, object)
    """(`ImageRecord`, `LoadedImage`): another image is in view."""
    refined = Signal(object)
    """`LoadedImage`: the whole image after its preview."""
    changed_on_disk = Signal(object, object)
    """(`ImageRecord`, (width, height)): the file has another size than when it was annotated."""
    reading = Signal(object)
    """`ImageRecord` that was asked for and is not there yet; None when it came, or cannot."""
    gone = Signal()
    """No image is in view any more."""

    def __init__(
        self,
        session: Session,
        loader: ImageLoader,
        images: ImagesModel,
        busy: Callable[[], bool],
        parent: QObject,
    ) -> None:
        """Args:
        busy: whether a shape is half drawn, so that the image must stay.
        """
        super().__init__(parent)
        self._session, self._loader, self._images, self._busy = session, loader, images, busy
        self.wanted: int | None = None
        self._direction = 1
        loader.loaded.connect(self._on_loaded)
        loader.failed.connect(self._on_failed)
        session.project_changed.connect(self._on_project)

    def go_to(self, image_id: int) -> None:
        """Show an image, as soon as it is decoded."""
        project = self._session.project
        if project is None or self._waits():
            return
        if image_id == self._session.image_id:
            self.wanted = image_id
            return
        row, here = self._images.row_of(image_id), self._images.row_of(self.wanted)
        self._direction = -1 if 0 <= row < here else 1
        self.wanted = image_id
        record = project.image(image_id)
        self.reading.emit(record)
        neighbours = self._images.neighbours(image_id, self._direction)
        self._loader.request(record.path, [neighbour.path for neighbour in neighbours])

    def step(self, step: int, *, unfinished: bool = False) -> None:
        """Show the next (1) or previous (-1) image of the list, of those not finished if wished."""
        project = self._session.project
        if project is None or self._waits():
            return
        found = project.next_image(self.wanted, self._images.filter, step=step, unfinished=unfinished)
        if found is None or found == self.wanted:
            self._session.said.emit(self._why_no_step(project, step, unfinished))
        else:
            self.go_to(found)

    @staticmethod
    def _why_no_step(project: Project, step: int, unfinished: bool) -> str:
        if not unfinished:
            return f"This is the {'last' if step > 0 else 'first'} image of the list"
        counts = project.status_counts()
        left = sum(counts.values()) - counts["finished"]
        if not left:
            return "All images are finished"
        where = "after" if step > 0 else "before"
        return f"No unfinished image of the list comes {where} this one; the project has {left:,} in all"

    def start(self, name: str = "") -> None:
        """Show the image of this name, else the first one of the list."""
        project = self._session.project
        found = project.image_id(project.root / name) if project is not None and name else None
        if found is not None and self._images.row_of(found) >= 0:
            self.go_to(found)
        elif self._images.ids:
            self.go_to(self._images.ids[0])

    def _waits(self) -> bool:
        if self._busy():
            self._session.said.emit("Finish the shape with Enter, or drop it with Esc, first")
            return True
        return False

    def _on_project(self) -> None:
        self._loader.forget()
        self.wanted = None
        self.reading.emit(None)
        if self._session.project is None:
            self.gone.emit()

    def _record(self, path: Path) -> ImageRecord | None:
        project = self._session.project
        if project is None or self.wanted is None:
            return None
        record = project.image(self.wanted)
        return record if record.path == path else None

    def _on_loaded(self, loaded: LoadedImage) -> None:
        record = self._record(loaded.path)
        if record is None:
            return
        self.reading.emit(None)
        if record.id == self._session.image_id:
            self.refined.emit(loaded)
            return
        if self._busy() and self._session.image_id is not None:  # begun while the image was being read
            self.wanted = self._session.image_id
            self._session.said.emit(f"{record.name} waits: finish the shape with Enter, or drop it with Esc")
            return
        known = (record.width, record.height)
        if known not in ((None, None), loaded.size):
            self.changed_on_disk.emit(record, loaded.size)
        size_of_file = loaded.stamp[1]
        if self._session.writable and (known, record.file_size) != (loaded.size, size_of_file):
            width, height = loaded.size
            self._session.do(SetImageFacts(record.id, width=width, height=height, file_size=size_of_file))
        self._session.show_image(record.id)
        self._images.mark_broken(record.id, False)
        self.shown.emit(record, loaded)

    def _on_failed(self, path: Path, error: Exception) -> None:
        """The image in view stays; the next step goes on from the broken one."""
        self.reading.emit(None)
        project = self._session.project
        if project is not None and path.is_relative_to(project.root) and not project.root.exists():
            # Said once, not for every image of it.
            error = ImageError(
                f"The image folder {project.root} is not there any more: connect its drive or put it back; "
                "the objects are kept"
            )
        report_exception(error)
        if (record := self._record(path)) is not None:
            self._images.mark_broken(record.id)
