"""`Preview`: what the model finds for a name while it is being typed; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QColor

from app.canvas.canvas import Canvas
from app.canvas.objects import CanvasObject
from app.jobs import Task, run_task
from app.project import ObjectRecord
from app.proposals.drafting import geometry_of
from app.proposals.engine_link import EngineLink
from app.proposals.free_regions import is_free
from app.proposals.proposals import Proposals
from app.session import Session
from app.theme import current
from zsi_core.engine.replies import NameReport
from zsi_core.engine.requests import Query
from zsi_core.instances import Instances
from zsi_core.semantics.names import tidy

DEBOUNCE_MS = 40
"""After the last key. A newer question ends an older one, so that it need not be longer."""


class Preview(QObject):
    """Attributes:
    text: the name being typed; empty for none.
    report: what it became; None as long as that is not known.
    number: how many instances are shown; None as long as that is not known.
    """

    changed = Signal()

    def __init__(
        self, session: Session, link: EngineLink, canvas: Canvas, proposals: Proposals, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._link, self._canvas, self._proposals = session, link, canvas, proposals
        self.text = ""
        self.report: NameReport | None = None
        self.number: int | None = None
        self._asked: Future[Instances] | None = None
        self._drawing: Task | None = None
        self._timer = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._timer.timeout.connect(self._ask)
        session.image_changed.connect(lambda _: self.set_text(self.text))
        link.model_changed.connect(lambda _: self.set_text(self.text))
        proposals.busy_changed.connect(self._on_busy)

    @property
    def waits_for(self) -> str:
        """Why the answer is not there yet, in words."""
        if self._session.image is None:
            return "Open an image first"
        if self._link.ready:
            return "Looking…"
        loading = self._link.loading
        return (
            f"The model “{loading}” is being loaded…"
            if loading
            else "No model is running: see the menu Model"
        )

    def set_text(self, text: str) -> None:
        """What stands in the line; a name that is asked for already needs no preview."""
        text = tidy(text)
        self.text = "" if self._proposals.prompt.knows(text) else text
        self.report = self.number = None
        self._stop()
        if self.text:
            self._timer.start()
        else:
            self._canvas.set_overlay(())
        self.changed.emit()

    def hand_over(self) -> None:
        """The name was taken: what is shown stays until its proposals are there."""
        self.text, self.report, self.number = "", None, None
        self._stop()
        self._on_busy(self._proposals.busy)
        self.changed.emit()

    def _on_busy(self, busy: bool) -> None:
        if not busy and not self.text:
            self._canvas.set_overlay(())

    def _stop(self) -> None:
        self._timer.stop()
        for work in (self._asked, self._drawing):
            if work is not None:
                work.cancel()
        self._asked = self._drawing = None

    def _ask(self) -> None:
        image, model = self._session.image, self._link.model
        if model is None or not self._link.ready:
            return
        self._proposals.names.learn(self.text, self._take_report)
        if image is None:
            return
        phrases = (self.text, *self._proposals.names.askable(self._proposals.prompt.phrases))
        class_id = self._class_id()
        threshold = model.threshold if class_id is None else self._proposals.thresholds.of(class_id)
        query = Query(str(image.path), phrases, threshold=threshold)
        self._asked = self._link.ask(query, self._answered, self._failed)

    def _class_id(self) -> int | None:
        project = self._session.project
        return project.class_id(self.text) if project is not None else None

    def _take_report(self, report: NameReport) -> None:
        if report.name == self.text:
            self.report = report
            self.changed.emit()

    def _failed(self, error: Exception) -> None:
        """A name without a vector has its report; what else is wrong is told when a person asks for it."""
        self._show([])

    def _answered(self, found: Instances) -> None:
        name, class_id, objects = self.text, self._class_id(), list(self._session.objects.values())
        owner = self._session.classes().get(class_id) if class_id is not None else None
        colour = QColor(owner.color if owner else current().accent)
        rgb = (colour.red(), colour.green(), colour.blue())
        self._drawing = run_task(
            lambda _: _shapes(found, name, class_id, objects, rgb), lambda shapes: self._show(shapes)
        )

    def _show(self, shapes: Sequence[CanvasObject]) -> None:
        self.number = len(shapes)
        self._canvas.set_overlay(shapes)
        self.changed.emit()


def _shapes(
    found: Instances,
    name: str,
    class_id: int | None,
    objects: Sequence[ObjectRecord],
    colour: tuple[int, int, int],
) -> list[CanvasObject]:
    shapes = []
    for index in range(len(found)):
        geometry = geometry_of(found, index) if found.names[index] == name else None
        if geometry is not None and is_free(geometry, class_id, objects):
            score = float(found.scores[index])
            shapes.append(CanvasObject(f"preview {index}", geometry, name, colour, "proposed", score))
    return shapes
