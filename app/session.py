"""The open project as the window sees it: changes as signals, errors as messages, the class to draw with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import report_exception
from app.jobs.worker import Task, run_task
from app.project import Change, ClassRecord, ImageRecord, ObjectRecord, Project, UndoError
from app.project.commands import Command
from app.project.geometry import Geometry, encode
from zsi_core.errors import ZsiError

FLUSH_AFTER_MS = 1000
ROWS_AT_ONCE = 300
"""A step that wrote more rows is taken back in the background."""
READ_ONE_BY_ONE = 100
"""For more changed objects the image is read as a whole."""


class Session(QObject):
    """At most one project is open; all changes of it go through here.

    What the window shows all the time is read once, and after a change only what it touched.

    Attributes:
        project: the open one, or None.
        image_id: of the image in view, or None.
        image: the record of the image in view; None where there is none, or when it was removed.
        objects: those of the image in view by uuid, in drawing order, lowest first; rejected ones included.
        long_step: what is done in the background, so that nothing can be changed; empty as a rule.
        telling: `changed` is being emitted; what follows many signals can wait for `told`.
    """

    project_changed = Signal()
    """Another project was opened, or the project was closed."""
    changed = Signal(object)
    """`Change` of the open project, after it is in the file."""
    told = Signal()
    """All that follow `changed` have been told of a change; see `telling`."""
    image_changed = Signal(object)
    """id of the image now in view, or None."""
    class_changed = Signal(object)
    """id of the class to draw with, or None."""
    failed = Signal(str)
    """A change could not be written; the message says why."""
    long_step_changed = Signal(str)
    """What is done in the background, a step of very many rows; empty at its end. See `long_step`."""
    said = Signal(str)
    """For the status bar."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project: Project | None = None
        self.image_id: int | None = None
        self.image: ImageRecord | None = None
        self.objects: dict[str, ObjectRecord] = {}
        self.long_step = ""
        self.telling = False
        self._traced: Mapping[str, Geometry] = {}
        self._classes: dict[int, ClassRecord] = {}
        self._class_id: int | None = None
        self._flush = QTimer(self)
        self._flush.setSingleShot(True)
        self._flush.setInterval(FLUSH_AFTER_MS)
        self._flush.timeout.connect(self._flush_now)

    # ---- opening

    @property
    def writable(self) -> bool:
        """A project is open and may be changed."""
        return self.project is not None and not self.project.read_only and not self.long_step

    def open(self, project: Project) -> None:
        """Make a project the one of the window; the one before is closed."""
        self.close()
        self.project = project
        project.subscribe(self._on_change)
        self._read_classes()
        self.project_changed.emit()
        self.class_changed.emit(self.class_id)

    def close(self) -> None:
        """Close the project, if one is open. Everything is in its file already."""
        if self.project is None:
            return
        self._flush.stop()
        project, self.project = self.project, None
        if self.long_step:
            self._set_long_step("")
        self._class_id = None
        self._read_classes()
        self.show_image(None)
        project.close()
        self.project_changed.emit()

    # ---- image and class

    def show_image(self, image_id: int | None) -> None:
        """Say which image is in view from now on."""
        if image_id != self.image_id:
            self.image_id = image_id
            self._read_image()
            self._read_objects()
            self.image_changed.emit(image_id)

    @property
    def class_id(self) -> int | None:
        """The class that new objects get: the one chosen, else the first one."""
        return self._class_id if self._class_id in self._classes else next(iter(self._classes), None)

    def choose_class(self, class_id: int) -> None:
        """Give the objects drawn from now on this class."""
        if class_id != self._class_id:
            self._class_id = class_id
            self.class_changed.emit(class_id)

    def classes(self) -> dict[int, ClassRecord]:
        """Classes by id, in the order of lists."""
        return self._classes

    # ---- reading

    def _read_classes(self) -> None:
        records = self.project.classes() if self.project is not None else []
        self._classes = {record.id: record for record in records}

    def _read_image(self) -> None:
        found = self.project.images([self.image_id]) if self.project and self.image_id is not None else []
        self.image = found[0] if found else None

    def _read_objects(self) -> None:
        records = self.project.objects(self.image_id) if self.project and self.image_id is not None else []
        self.objects = {record.uuid: self._with_known_geometry(record) for record in records}

    def _with_known_geometry(self, record: ObjectRecord) -> ObjectRecord:
        """The same object with what was computed of its geometry before, such as the outline of a mask."""
        former = self.objects.get(record.uuid)
        known = former.geometry if former else self._traced.get(record.uuid)
        if known is None or encode(known) != encode(record.geometry):
            return record
        return replace(record, geometry=known)

    def _read_changed(self, change: Change) -> None:
        """Read what a change has touched."""
        assert self.project is not None
        if change.classes:
            self._read_classes()
        if self.image_id not in change.images:
            return
        self._read_image()
        if len(change.objects) > READ_ONE_BY_ONE:
            self._read_objects()
            return
        moved = False
        for uuid in change.objects:
            record, former = self.project.object(uuid), self.objects.get(uuid)
            if record is None or record.image_id != self.image_id:
                self.objects.pop(uuid, None)
            else:
                self.objects[uuid] = self._with_known_geometry(record)
                moved |= former is None or former.z != record.z
        if moved:
            in_order = sorted(self.objects.values(), key=lambda record: (record.z or 0, record.coco_id or 0))
            self.objects = {record.uuid: record for record in in_order}

    # ---- changes

    def do(
        self,
        command: Command,
        *,
        group: str | None = None,
        geometries: Mapping[str, Geometry] | None = None,
    ) -> Change | None:
        """Apply a command; None when that was impossible, which the person then has been told.

        Args:
            geometries: uuid -> geometry of new objects, whose outlines a task has traced already.
        """
        if self.project is None or self._waits():
            return None
        self._traced = geometries or {}
        try:
            return self.project.do(command, group=group)
        except ZsiError as error:
            self._tell(error)
            return None
        finally:
            self._traced = {}

    def undo(self) -> None:
        """Take back the newest step of the image in view, or of the project."""
        self._step("undo")

    def redo(self) -> None:
        """Make the step again that was taken back last."""
        self._step("redo")

    def labels(self) -> tuple[str, str]:
        """What `undo` and `redo` would do, empty for nothing."""
        if self.project is None:
            return "", ""
        return self.project.undo_label(self.image_id) or "", self.project.redo_label(self.image_id) or ""

    def _step(self, verb: str) -> None:
        project, image_id = self.project, self.image_id
        if project is None or self._waits():
            return
        try:
            rows = project.rows_of_undo(image_id) if verb == "undo" else project.rows_of_redo(image_id)
            if rows > ROWS_AT_ONCE and self.writable:
                self._step_in_background(project, verb)
                return
            change = _taken(project, image_id, verb)
        except UndoError as error:
            self.said.emit(str(error))
            return
        except ZsiError as error:
            self._tell(error)
            return
        self._say_taken(change, verb)

    def _step_in_background(self, project: Project, verb: str) -> None:
        """The project can be looked at meanwhile, and be changed afterwards."""
        image_id = self.image_id
        label = self.labels()[verb == "redo"]

        def work(_: Task) -> Change | None:
            with project.writer() as writer:
                return _taken(writer, image_id, verb)

        def taken(change: Change | None) -> None:
            if self.project is project:
                self._set_long_step("")
                if change is not None:
                    project.announce(change)
                self._say_taken(change, verb)

        def failed(error: Exception) -> None:
            if self.project is project:
                self._set_long_step("")
                report_exception(error)

        self._set_long_step(f"{'Undoing' if verb == 'undo' else 'Redoing'}: {label}")
        run_task(work, taken, failed)

    def _set_long_step(self, title: str) -> None:
        self.long_step = title
        self.long_step_changed.emit(title)

    def _waits(self) -> bool:
        if self.long_step:
            self.said.emit(f"{self.long_step}. Changes are possible when that is done.")
        return bool(self.long_step)

    def _say_taken(self, change: Change | None, verb: str) -> None:
        if change is None:
            self.said.emit(f"Nothing to {verb}")
        else:
            self.said.emit(f"{'Undone' if verb == 'undo' else 'Redone'}: {change.label}")

    def _on_change(self, change: Change) -> None:
        self._flush.start()
        self._read_changed(change)
        self.telling = True
        self.changed.emit(change)
        self.telling = False
        self.told.emit()
        if change.classes:
            self.class_changed.emit(self.class_id)

    def _flush_now(self) -> None:
        if self.project is None:
            return
        try:
            self.project.flush()
        except ZsiError as error:
            self._tell(error)

    def _tell(self, error: ZsiError) -> None:
        report_exception(error)
        self.failed.emit(str(error))


def _taken(project: Project, image_id: int | None, verb: str) -> Change | None:
    return project.undo(image_id) if verb == "undo" else project.redo(image_id)
