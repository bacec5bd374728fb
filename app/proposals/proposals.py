"""`Proposals`: asks the model about the image in view, and decides which of its answers are shown."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.errors import report_exception
from app.jobs import Task, run_task
from app.project import Change, ObjectRecord, Project
from app.project.commands import Batch, DeleteObjects
from app.proposals.drafting import Asked, Draft, draft, is_untouched
from app.proposals.engine_link import EngineLink
from app.proposals.name_book import NameBook
from app.proposals.prompt import Prompt
from app.proposals.thresholds import Thresholds
from app.session import READ_ONE_BY_ONE, Session
from zsi_core.coco.provenance import ProposalRun
from zsi_core.engine.requests import Query
from zsi_core.errors import EngineError
from zsi_core.instances import Instances
from zsi_core.semantics.names import class_key

STEP = 0.02
"""By how much a key moves a threshold."""


class Proposals(QObject):
    """Those of the image in view.

    They are objects of the project in the state "proposed", kept down to a quarter of the model's threshold;
    moving a threshold shows and hides them, and asks nothing.
    """

    changed = Signal()
    """Other proposals are shown, or more is known about the image."""
    busy_changed = Signal(bool)
    """Whether the model is being asked about the image in view."""

    def __init__(
        self,
        session: Session,
        link: EngineLink,
        neighbours: Callable[[int], Iterable[str]],
        parent: QObject | None = None,
    ) -> None:
        """
        Args:
            neighbours: from the id of an image to the files that are likely to be shown next.
        """
        super().__init__(parent)
        self._session, self._link, self._neighbours = session, link, neighbours
        self.prompt = Prompt(session, self)
        self.names = NameBook(link, self.prompt, self)
        self.thresholds = Thresholds(session, link, self)
        self.automatic = True
        self._asked: Future[Any] | None = None
        self._drafting: Task | None = None
        self._best: dict[int, float] = {}
        self._regions: dict[str, int] = {}
        self._sorted: dict[bool, list[ObjectRecord]] | None = None
        self._numbers: Counter[int] | None = None
        self._weaker: Counter[int] | None = None
        self._answered: dict[int, tuple[Any, ...]] = {}
        self._tried_again: tuple[Any, ...] = ()
        self._told_busy = False
        session.project_changed.connect(self._on_project)
        session.image_changed.connect(lambda _: self._on_image())
        session.changed.connect(self._on_change)
        link.model_changed.connect(lambda _: self._on_image())
        link.loading_changed.connect(lambda _: self._tell_changed())
        self.prompt.asked.connect(self.propose)
        self.prompt.removed.connect(self.drop)
        self.thresholds.changed.connect(self._tell_changed)

    # ---- looking

    @property
    def visible(self) -> list[ObjectRecord]:
        """Proposals of the image in view that are shown, best first."""
        return self._by_shown()[True]

    @property
    def weaker(self) -> list[ObjectRecord]:
        """Proposals of the image in view that the thresholds of their classes hide, best first."""
        return self._by_shown()[False]

    def _by_shown(self) -> dict[bool, list[ObjectRecord]]:
        """Sorted once after each change: all that follow the proposals ask for them."""
        if self._sorted is None:
            self._sorted = {True: [], False: []}
            objects = self._session.objects.values()
            found = [record for record in objects if record.state == "proposed" and not record.hidden]
            for record in sorted(found, key=_best_first):
                self._sorted[self.thresholds.shows(record)].append(record)
        return self._sorted

    @property
    def busy(self) -> bool:
        """Whether the model is being asked about the image in view."""
        return self._asked is not None or self._drafting is not None

    @property
    def awaited(self) -> bool:
        """Whether an answer about the image in view is to come, perhaps after a model is loaded."""
        return self.busy or bool(self._link.loading)

    def shows(self, record: ObjectRecord) -> bool:
        """Whether an object is above the threshold of its class; always, if it is no proposal."""
        return self.thresholds.shows(record)

    def number(self, class_id: int) -> int:
        """How many proposals of a class are shown."""
        if self._numbers is None:
            self._numbers = Counter(record.class_id for record in self.visible)
        return self._numbers[class_id]

    def number_weaker(self, class_id: int) -> int:
        """How many proposals of a class its threshold hides."""
        if self._weaker is None:
            self._weaker = Counter(record.class_id for record in self.weaker)
        return self._weaker[class_id]

    def number_decided(self, class_id: int) -> int:
        """How many objects of a class a person has accepted, corrected or drawn in the image in view."""
        decided = ("accepted", "corrected", "drawn")
        return sum(
            record.class_id == class_id and record.state in decided
            for record in self._session.objects.values()
        )

    def is_absent(self, class_id: int) -> bool | None:
        """Whether a class is probably absent from the image in view; None before the model was asked.

        Not already below the threshold: most of what a model with little training recognises lies there.
        """
        best = self.best(class_id)
        if best is None:
            return None
        return best < self.thresholds.lowest and not self.number_decided(class_id)

    def best(self, class_id: int) -> float | None:
        """Best score of a class in the image in view, of any region; None before the model was asked."""
        return self._best.get(class_id)

    def region(self, uuid: str) -> int | None:
        """Region of the encoded image that a proposal comes from, as long as that is known."""
        return self._regions.get(uuid)

    # ---- asking

    def propose(self) -> None:
        """Ask for all chips in the image in view; untouched proposals of their names are replaced."""
        self._ask(quietly=False)

    def drop(self, class_id: int) -> None:
        """Remove the untouched proposals of a class from the image in view, in a step of undo."""
        gone = [
            record.uuid
            for record in self._session.objects.values()
            if record.class_id == class_id and is_untouched(record)
        ]
        if gone:
            name = self._session.classes()[class_id].name
            self._session.do(Batch([DeleteObjects(gone)], f"Remove proposals of {name}"))

    def step_threshold(self, step: int, class_ids: Iterable[int]) -> str:
        """Lower (-1) or raise (1) the thresholds of some classes; what came of it, for the status bar.

        Where nothing of them is shown, the one of the best weaker proposal goes down to it at once.
        """
        if self._link.model is None:  # whose threshold is where the steps begin
            return "No model is loaded yet: there is nothing to show"
        classes, wanted = self._session.classes(), list(class_ids)
        hidden = [record for record in self.weaker if record.class_id in wanted]
        if step < 0 and hidden and not any(map(self.number, wanted)):
            wanted = [hidden[0].class_id]
            self.thresholds.set(wanted[0], math.floor(100 * (hidden[0].score or 0.0)) / 100)
        else:
            for class_id in wanted:
                self.thresholds.set(class_id, self.thresholds.of(class_id) + step * STEP)
        told = [
            f"{classes[class_id].name} from {self.thresholds.of(class_id):.2f}: {self.number(class_id)} shown"
            + (f", {weaker} weaker" if (weaker := self.number_weaker(class_id)) else "")
            for class_id in wanted
        ]
        return "; ".join(told) or "No class is asked for yet: type a name above the image"

    def _ask(self, *, quietly: bool) -> None:
        """Learn the names that are new, then ask for all that have a vector."""
        session, link, image = self._session, self._link, self._session.image
        problem = ""
        if image is None:
            problem = "Open an image first"
        elif not session.writable:
            problem = "The project is read-only: nothing can be proposed"
        elif not self.prompt.chips and not self.prompt.generalised.on:
            problem = "Type a name above the image first"
        elif not link.ready:
            problem = (
                f"The model “{link.loading}” is being loaded; it proposes as soon as it is there"
                if link.loading
                else "No model is running: choose or restart it in the menu Model"
            )
        if problem or image is None:
            if problem and not quietly:
                session.said.emit(problem)
            return
        self._stop()
        if self.names.unknown(self.prompt.phrases):
            self._set_asked(self.names.learn_before(lambda: self._ask(quietly=quietly), self._failed))
        else:
            self._query(image.id, str(image.path), quietly=quietly)

    def _query(self, image_id: int, path: str, *, quietly: bool) -> None:
        mode = self.prompt.generalised
        phrases = self.names.askable(self.prompt.phrases)
        if not phrases and not mode.on:
            self._tell_busy()
            return
        query = Query(path, phrases, "gzsi" if mode.on else "zsi", seen_penalty=mode.seen_penalty)
        asked = self._asked_of(image_id, phrases)
        question = self._question()

        def answered(found: Instances) -> None:
            objects = list(self._session.objects.values())
            self._drafting = run_task(
                lambda _: draft(asked, found, objects),
                lambda drafted: self._take(asked, drafted, question, quietly=quietly),
                self._not_drafted,
            )
            self._set_asked(None)

        self._set_asked(self._link.ask(query, answered, self._failed))

    def _failed(self, error: Exception) -> None:
        """An engine that ended over the question is asked once more: another request may be to blame."""
        self._set_asked(None)
        question = (self._session.image_id, self._question())
        if type(error) is EngineError and self._tried_again != question:
            self._tried_again = question
            self._ask(quietly=True)
        else:
            self._link.tell(error)

    def _asked_of(self, image_id: int, phrases: Iterable[str]) -> Asked:
        model = self._link.model
        assert model is not None
        chips = {chip.phrase: chip for chip in self.prompt.chips}
        run = ProposalRun(
            model.name,
            model.checkpoint_sha256,
            model.words_sha256,
            model.threshold,
            {phrase: self.names.resolved_as(phrase) for phrase in phrases},
        )
        names = [chips[phrase].name for phrase in phrases]
        class_ids = {phrase: chips[phrase].class_id for phrase in phrases}
        seen_ids: dict[str, int] = {}
        if self.prompt.generalised.on:
            names.append("seen classes")
            by_key = {class_key(record.name): record.id for record in self._session.classes().values()}
            seen_ids = {name: by_key[key] for name in model.seen if (key := class_key(name)) in by_key}
        return Asked(image_id, class_ids, names, run, seen_ids, shown_from=model.threshold)

    def _take(self, asked: Asked, drafted: Draft, question: tuple[Any, ...], *, quietly: bool) -> None:
        """Write what was drafted, unless a person went on meanwhile."""
        self._drafting = None
        if asked.image_id == self._session.image_id and self._session.writable:
            present = self._session.objects
            drafted.replaced = [
                uuid for uuid in drafted.replaced if uuid in present and is_untouched(present[uuid])
            ]
            self._best.update(drafted.best)
            self._regions.update(drafted.regions)
            self._answered[asked.image_id] = question
            if drafted and not (quietly and self._only_clears(asked, drafted)):
                self._session.do(drafted.command(asked), geometries=drafted.geometries)  # tells of it
            else:
                self._tell_changed()
            if not quietly and not self.visible and self.weaker:
                best = self.weaker[0]
                name = self._session.classes()[best.class_id].name
                self._session.said.emit(
                    f"Nothing sure. The key , shows the best guess ({name} {best.score:.2f})"
                )
        self._tell_busy()

    def _only_clears(self, asked: Asked, drafted: Draft) -> bool:
        """Whether all that is new is that proposals of this model are in the way of decisions.

        Opening an image again must not change it.
        """
        replaced = [self._session.objects[uuid].made_by.get("checkpoint_sha256") for uuid in drafted.replaced]
        return not drafted.geometries and set(replaced) == {asked.run.checkpoint_sha256}

    def _not_drafted(self, error: Exception) -> None:
        self._drafting = None
        self._tell_busy()
        report_exception(error)

    def _question(self) -> tuple[Any, ...]:
        """What decides about the answer, but for the image."""
        model = self._link.model
        return (self.prompt.phrases, self.prompt.generalised, model and model.checkpoint_sha256)

    # ---- following the window

    def _on_project(self) -> None:
        self._answered.clear()
        self._on_image()

    def _on_image(self) -> None:
        """Another image, or another model: look ahead, and ask where a person has not said otherwise."""
        self._stop()
        self._best.clear()
        self._regions.clear()
        session, image = self._session, self._session.image
        if image is not None and session.project is not None:
            self._link.look_ahead([str(image.path), *self._neighbours(image.id)])
            if self.automatic and not image.finished and self._is_open_question(session.project, image.id):
                self._ask(quietly=True)
        self._tell_busy()
        self._tell_changed()

    def _is_open_question(self, project: Project, image_id: int) -> bool:
        """Whether asking by itself is new, and takes nothing away from a person."""
        model = self._link.model
        if model is None or self._answered.get(image_id) == self._question():
            return False
        of_another_model = any(
            is_untouched(record) and record.made_by.get("checkpoint_sha256") != model.checkpoint_sha256
            for record in self._session.objects.values()
        )
        # What was undone can be redone as long as nothing new is written.
        return not of_another_model and not project.redo_label(image_id)

    def _on_change(self, change: Change) -> None:
        if change.classes or len(change.objects) > READ_ONE_BY_ONE:
            self._tell_changed()
        elif change.objects:
            self._sort_in(change.objects)
            self._numbers = self._weaker = None
            self.changed.emit()

    def _sort_in(self, uuids: Collection[str]) -> None:
        """Only these objects have changed: among a thousand proposals that is much less to do."""
        if self._sorted is None:
            return
        for records in self._sorted.values():
            records[:] = [record for record in records if record.uuid not in uuids]
        for record in map(self._session.objects.get, uuids):
            if record is not None and record.state == "proposed" and not record.hidden:
                bisect.insort(self._sorted[self.thresholds.shows(record)], record, key=_best_first)

    def _tell_changed(self) -> None:
        self._sorted = self._numbers = self._weaker = None
        self.changed.emit()

    def _stop(self) -> None:
        if self._asked is not None:
            self._asked.cancel()
        if self._drafting is not None:
            self._drafting.cancel()
        self._asked = self._drafting = None

    def _set_asked(self, asked: Future[Any] | None) -> None:
        self._asked = asked
        self._tell_busy()

    def _tell_busy(self) -> None:
        if self.busy != self._told_busy:
            self._told_busy = self.busy
            self.busy_changed.emit(self.busy)


def _best_first(record: ObjectRecord) -> float:
    return -(record.score or 0.0)
