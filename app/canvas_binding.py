"""Keeps the objects of the canvas equal to those of the image in view."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor

from app.canvas.canvas import Canvas
from app.canvas.objects import CanvasObject
from app.project import Change, ClassRecord, ObjectRecord
from app.session import Session


class CanvasBinding(QObject):
    """Listens to the project and updates the canvas by what changed."""

    def __init__(self, session: Session, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._session, self._canvas = session, canvas
        session.changed.connect(self._on_change)

    def reload(self) -> None:
        """All objects of the image in view."""
        project, image_id = self._session.project, self._session.image_id
        if project is None or image_id is None:
            self._canvas.set_objects([])
            return
        classes = self._session.classes()
        self._canvas.set_objects(canvas_object(record, classes) for record in project.objects(image_id))

    def _on_change(self, change: Change) -> None:
        if change.classes and (self._canvas.objects or change.objects):
            self.reload()
        elif self._session.image_id in change.images and change.objects:
            self._update(change)

    def _update(self, change: Change) -> None:
        project = self._session.project
        assert project is not None
        found = {uuid: project.object(uuid) for uuid in change.objects}
        here = [
            record
            for record in found.values()
            if record is not None and record.image_id == self._session.image_id
        ]
        known = self._canvas.objects
        if any(record.uuid not in known for record in here) and (change.kind != "do" or len(here) > 1):
            self.reload()  # they belong between the others, not on top of them
            return
        gone = [uuid for uuid, record in found.items() if record is None and uuid in known]
        if gone:
            self._canvas.remove_objects(gone)
        if here:
            classes = self._session.classes()
            self._canvas.update_objects(canvas_object(record, classes) for record in here)


def canvas_object(record: ObjectRecord, classes: dict[int, ClassRecord]) -> CanvasObject:
    """An object of the project as the canvas shows it."""
    owner = classes[record.class_id]
    colour = QColor(owner.color)
    return CanvasObject(
        uuid=record.uuid,
        geometry=record.geometry,
        class_name=owner.name,
        colour=(colour.red(), colour.green(), colour.blue()),
        state=record.state,
        score=record.score,
        locked=record.locked,
        hidden=record.hidden,
    )
