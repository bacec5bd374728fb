"""Keeps the objects of the canvas equal to those of the image in view."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor

from app.canvas.canvas import Canvas
from app.canvas.objects import CanvasObject
from app.project import Change, ClassRecord, ObjectRecord
from app.proposals.proposals import Proposals
from app.session import Session


class CanvasBinding(QObject):
    """Listens to the project and updates the canvas by what changed."""

    def __init__(self, session: Session, canvas: Canvas, proposals: Proposals) -> None:
        super().__init__(canvas)
        self._session, self._canvas, self._proposals = session, canvas, proposals
        session.changed.connect(self._on_change)
        proposals.thresholds.changed.connect(self._show_and_hide)

    def reload(self) -> None:
        """All objects of the image in view."""
        classes = self._session.classes()
        self._canvas.set_objects(self._object(record, classes) for record in self._session.objects.values())

    def _on_change(self, change: Change) -> None:
        objects, classes = self._session.objects, self._session.classes()
        if any(record.class_id in change.classes for record in objects.values()):
            self.reload()
        elif self._session.image_id in change.images and change.objects:
            self._canvas.remove_objects([uuid for uuid in change.objects if uuid not in objects])
            here = [objects[uuid] for uuid in change.objects if uuid in objects]
            self._canvas.update_objects([self._object(record, classes) for record in here])

    def _show_and_hide(self) -> None:
        """Thresholds have moved: only proposals that appear or disappear are drawn anew."""
        moved = []
        for uuid, record in self._session.objects.items():
            item = self._canvas.scene.get(uuid) if record.state == "proposed" else None
            hidden = record.hidden or not self._proposals.shows(record)
            if item is not None and item.object.hidden != hidden:
                moved.append(replace(item.object, hidden=hidden))
        self._canvas.update_objects(moved)
        gone = {object_.uuid for object_ in moved if object_.hidden}
        if gone.intersection(self._canvas.selection):
            self._canvas.select([uuid for uuid in self._canvas.selection if uuid not in gone])

    def _object(self, record: ObjectRecord, classes: dict[int, ClassRecord]) -> CanvasObject:
        object_ = canvas_object(record, classes)
        return object_ if self._proposals.shows(record) else replace(object_, hidden=True)


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
        z=record.z or 0,
    )
