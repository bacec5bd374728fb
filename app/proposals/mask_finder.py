"""`MaskFinder`: what the model finds under a click or in a box of the image in view."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from app.canvas.editor import Found
from app.canvas.suggestions import Suggestion
from app.project.geometry import Box
from app.proposals.engine_link import EngineLink
from app.session import Session
from zsi_core.coco.provenance import ProposalRun, proposed
from zsi_core.engine.replies import ModelInfo
from zsi_core.engine.requests import Request, SegmentBox, SegmentPoint
from zsi_core.errors import NameResolutionError
from zsi_core.instances import Instances

Ask = Callable[[str, str | None], Request[Instances]]
"""The request for an image file and a class name, None to let the model name what it finds."""


class MaskFinder:
    """Asks for one mask at a time: a newer question ends the older one."""

    def __init__(self, session: Session, link: EngineLink) -> None:
        self._session, self._link = session, link
        self._asked: Future[Instances] | None = None

    def at_point(self, x: float, y: float, then: Found) -> bool:
        """Ask for the objects under a point in pixels of the image; see `Editor.segment_point`."""
        return self._ask(lambda path, name: SegmentPoint(path, x, y, name), then)

    def in_box(self, box: Box, then: Found) -> bool:
        """Ask for the object in a box x1, y1, x2, y2 in pixels of the image."""
        return self._ask(lambda path, name: SegmentBox(path, box, name), then)

    def stop(self) -> None:
        """The answer is not wanted any more."""
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None

    def _ask(self, ask: Ask, then: Found) -> bool:
        session, model = self._session, self._link.model
        if session.image is None:
            return False
        if model is None or not self._link.ready:
            session.said.emit(self._why_not())
            return False
        self.stop()
        owner = session.classes().get(session.class_id) if session.class_id is not None else None
        self._send(ask, str(session.image.path), owner.name if owner else None, model, then)
        return True

    def _send(self, ask: Ask, path: str, name: str | None, model: ModelInfo, then: Found) -> None:
        def found(instances: Instances) -> None:
            self._asked = None
            if not len(instances):
                self._session.said.emit(
                    "The model finds no object there: draw it, or try a box or another place"
                )
            then(suggestions(instances, model))

        def failed(error: Exception) -> None:
            self._asked = None
            if name is not None and isinstance(error, NameResolutionError):
                self._session.said.emit(f"The model does not know “{name}”: it shows what it sees itself")
                self._send(ask, path, None, model, then)
                return
            self._link.problem.emit(str(error))
            then(())

        self._asked = self._link.ask(ask(path, name), found, failed, topic="mask")

    def _why_not(self) -> str:
        if self._link.loading:
            return f"The model “{self._link.loading}” is still being loaded: try again in a moment"
        return "No model is running: choose or restart it in the menu Model"


def suggestions(instances: Instances, model: ModelInfo) -> list[Suggestion]:
    """What the model found as the canvas wants it, best first."""
    run = ProposalRun(model.name, model.checkpoint_sha256, model.words_sha256, model.threshold)
    return [
        Suggestion(
            mask,
            instances.names[i],
            float(instances.scores[i]),
            proposed(run, instances, i)["made_by"],
        )
        for i, mask in enumerate(instances.masks)
    ]
