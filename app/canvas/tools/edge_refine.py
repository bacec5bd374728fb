"""Edge refine: fit an object to the edges of the picture around it (GrabCut), in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from app.canvas import shaping
from app.canvas.refining import crop_around, refine
from app.canvas.tools.marking import paint_frame
from app.canvas.tools.tool import Pointer, Tool
from app.errors import report_exception
from app.jobs import Task, run_task
from app.project.geometry import Geometry

if TYPE_CHECKING:
    from app.canvas.canvas import Canvas


class EdgeRefineTool(Tool):
    """Click on an object, or Enter for the selected one."""

    picks: ClassVar[bool] = True
    hint = "Click an object, or press Enter for the selected one: it is fitted to the edges of the picture."

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self.cursor = Qt.CursorShape.PointingHandCursor
        self._task: Task | None = None
        self._uuid: str | None = None

    @property
    def running(self) -> bool:
        """Whether an object is being refined."""
        return self._task is not None

    def press(self, pointer: Pointer) -> None:
        items = self.canvas.scene.at(pointer.x, pointer.y)
        if items:
            self.canvas.select([items[0].object.uuid])
            self.start()

    def start(self) -> None:
        """Refine the selected object."""
        selected = self.canvas.selected()
        if len(selected) != 1 or not self.canvas.has_image:
            self.canvas.message.emit("Select one object to refine its edge.")
            return
        object_, size = selected[0], self.canvas.image_size
        if object_.locked:
            self.canvas.message.emit("The object is locked: press L to unlock it.")
            return
        self.cancel()
        geometry = object_.geometry
        crop = crop_around(self.canvas.pictures, geometry.box, size)

        def work(task: Task) -> Geometry | None:
            refined = shaping.from_mask(refine(crop, shaping.as_mask(geometry, size)))
            if refined is not None:
                task.check()
                _ = refined.parts  # traced here, so that drawing it does not hold up the window
            return refined

        def done(result: Geometry | None) -> None:
            self._task = None
            self.canvas.update()
            current = self.canvas.scene.get(object_.uuid)
            if current is None or current.object.geometry is not geometry:
                return  # it was changed meanwhile
            if result is None:
                self.canvas.message.emit("No edge was found: the object stays as it was.")
                return
            self.canvas.editor.replace({object_.uuid: result}, "edge_refine")
            self.canvas.message.emit("The edge is refined; undo brings the old one back.")

        def failed(error: Exception) -> None:
            self._task = None
            self.canvas.update()
            report_exception(error)

        self._uuid = object_.uuid
        self._task = run_task(work, done, failed)
        self.canvas.message.emit("Refining the edge ...")
        self.canvas.update()

    def wants_key(self, key: Qt.Key) -> bool:
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return len(self.canvas.selection) == 1
        return (key == Qt.Key.Key_Escape and self.running) or super().wants_key(key)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
        if key != Qt.Key.Key_Escape:
            self.start()
        elif self.running:
            self.cancel()
        else:
            super().key(key, modifiers)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self.canvas.update()

    def paint(self, painter: QPainter) -> None:
        item = self.canvas.scene.get(self._uuid)
        if self.running and item is not None:
            rect = self.canvas.viewport.rect_to_widget(item.box)
            paint_frame(painter, rect.adjusted(-6, -6, 6, 6), dashed=True)
