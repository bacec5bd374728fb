"""`BatchProposing`: the model proposes on many images, one after the other, while a person works.

Every image is a small transaction; all of them are one step of undo. What is done stands in the project: a
batch goes on where it was after the window was closed, the engine failed, or somebody stopped it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.errors import report_exception
from app.jobs.job_list import Job, JobList, JobState
from app.jobs.worker import Task, run_task
from app.project import Change, CommandError, ImageRecord, ObjectRecord, Project, Queries
from app.project.commands import Batch, Command, Propose, SetImageFacts
from app.proposals.batch_drafting import above, batch_draft
from app.proposals.batch_plan import BatchPlan
from app.proposals.drafting import Asked, Draft
from app.proposals.engine_link import EngineLink
from app.proposals.prompt import Prompt
from app.session import Session
from zsi_core.coco.provenance import ProposalRun
from zsi_core.engine.replies import NamesReport
from zsi_core.engine.requests import DescribeNames, Encode, Priority, Query
from zsi_core.errors import EngineError, ImageError, NameResolutionError, ZsiError
from zsi_core.instances import Instances

TRIES = 2
"""How often an image is asked about before it is left out; it may have ended the engine."""

FAILURES_IN_A_ROW = 5
"""After so many images without an answer it is the engine that fails, not the images."""


class BatchProposing(QObject):
    """At most one batch of a project is under way.

    Attributes:
        job: the running one, or None.
    """

    ended = Signal(str, object)
    """(what came of it, its problems) of a batch that did all of its images."""
    interrupted = Signal(str)
    """Why a batch ended before; it can go on."""

    def __init__(
        self, session: Session, link: EngineLink, prompt: Prompt, jobs: JobList, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._link, self._prompt, self._jobs = session, link, prompt, jobs
        self.job: Job | None = None
        self._project: Project | None = None
        self._plan = BatchPlan((), ())
        self._phrases: Mapping[str, int] = {}
        self._run: ProposalRun | None = None
        self._asked: list[Future[Any]] = []
        self._drafting: Task | None = None
        self._image: ImageRecord | None = None
        self._tries = self._failures = 0
        self._stale = False
        session.project_changed.connect(self._on_project)
        session.changed.connect(self._on_change)
        session.long_step_changed.connect(lambda _: self._on_other())
        link.model_changed.connect(lambda _: self._on_other())

    def begin(self, plan: BatchPlan) -> None:
        """Begin a new batch; one that has not ended is forgotten, its proposals stay."""
        if self.job is None and plan.images and self._session.do(plan.begin()) is not None:
            self._work(plan)

    def waiting(self) -> BatchPlan | None:
        """The batch of the open project that could go on."""
        if self.job is not None or self._session.project is None or not self._session.writable:
            return None
        return BatchPlan.read(self._session.project)

    def go_on(self) -> None:
        """Go on with it."""
        plan = self.waiting()
        if plan is not None:
            self._work(plan)

    def forget(self) -> None:
        """Do not go on with it; its proposals stay."""
        if self.waiting() is not None:
            self._session.do(BatchPlan.end())

    # ---- the course of a batch

    def _work(self, plan: BatchPlan) -> None:
        names = self._class_names(plan)
        self._project, self._plan = self._session.project, plan
        self._failures = 0
        self.job = self._jobs.add(f"Proposing {names} on {_images(len(plan.images))}", self._stop)
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        """Ask the model for nothing until a person goes on; then about the image in work once more."""
        assert self.job is not None
        self.job.paused = paused
        other = "Go on" if paused else "Pause"
        self.job.buttons = {other: lambda: self._set_paused(not paused)}
        self.job.progress(self._plan.done, len(self._plan.images))
        self._prepare()

    def _class_names(self, plan: BatchPlan) -> str:
        classes = self._session.classes()
        return ", ".join(classes[class_id].name for class_id in plan.class_ids if class_id in classes)

    def _prepare(self) -> None:
        """Learn what the names are to the model that is loaded."""
        self._cancel()
        assert self.job is not None and self._project is not None
        if self.job.paused:
            return
        reason = "" if self._link.ready else "waits for the model"
        reason = "waits until the undo is done" if self._session.long_step else reason
        if reason:
            self.job.progress(self._plan.done, len(self._plan.images), reason)
            return
        classes = self._session.classes()
        self._phrases = {
            " = ".join([classes[class_id].name, *self._prompt.synonyms(class_id)]): class_id
            for class_id in self._plan.class_ids
            if class_id in classes
        }
        self._ask(DescribeNames(tuple(self._phrases)), self._on_names, self._fail)

    def _on_names(self, reply: NamesReport) -> None:
        model = self._link.model
        assert model is not None and self.job is not None
        problems = [
            f"{report.name} is not asked for: {report.problem}" for report in reply.names if report.problem
        ]
        known = {report.name: " + ".join(report.used) for report in reply.names if not report.problem}
        for problem in problems:
            self.job.add_problem(problem)
        self._phrases = {phrase: id for phrase, id in self._phrases.items() if phrase in known}
        if not self._phrases:
            self._fail(NameResolutionError("; ".join(problems) or "the classes to propose were deleted"))
            return
        self._run = ProposalRun(
            model.name, model.checkpoint_sha256, model.words_sha256, model.threshold, known
        )
        self._next()

    def _next(self) -> None:
        """Ask about the next image that is still there, and have the one behind it encoded meanwhile."""
        project, job = self._project, self.job
        assert project is not None and job is not None
        self._image = None
        while self._image is None and self._plan.left:
            found = project.images(self._plan.images[self._plan.done : self._plan.done + 1])
            if found:
                self._image = found[0]
            else:
                self._plan = self._plan.after(())
        job.progress(self._plan.done, len(self._plan.images), self._image.name if self._image else "")
        if self._image is None:
            self._finish()
            return
        self._tries = 0
        self._query(self._image)
        ahead = project.images(self._plan.images[self._plan.done + 1 : self._plan.done + 2])
        for record in ahead:
            self._ask(Encode(str(record.path)), lambda _: None, lambda _: None)

    def _query(self, image: ImageRecord) -> None:
        self._tries += 1
        self._stale = False
        threshold = None if self._plan.weaker else min(self._thresholds().values())
        self._ask(
            Query(str(image.path), tuple(self._phrases), threshold=threshold),
            self._answered,
            self._not_answered,
        )

    def _answered(self, found: Instances) -> None:
        self._failures = 0
        if not self._plan.weaker:
            found = above(found, self._phrases, self._thresholds())
        self._draft(found)

    def _draft(self, found: Instances) -> None:
        assert self._image is not None and self._run is not None and self._project is not None
        classes = self._session.classes()
        ids = {phrase: id for phrase, id in self._phrases.items() if id in classes}
        names = [classes[class_id].name for class_id in ids.values()]
        asked = Asked(self._image.id, ids, names, self._run)
        path, replace = self._project.path, self._plan.replace
        found = found.select([i for i, name in enumerate(found.names) if name in ids])

        def work(_: Task) -> Draft:
            with Queries.open_for_reading(path) as reader:
                return batch_draft(reader, asked, found, replace=replace)

        self._drafting = run_task(work, lambda drafted: self._take(asked, found, drafted), self._fail)

    def _take(self, asked: Asked, found: Instances, drafted: Draft) -> None:
        """Write what was drafted, unless the image was changed meanwhile."""
        self._drafting = None
        image = self._image
        assert image is not None
        if self._stale:
            self._stale = False
            self._draft(found)
            return
        if image.width is None and self._session.writable:
            height, width = found.image_size  # outside of the step: it is nothing to undo
            self._session.do(SetImageFacts(image.id, width=width, height=height))
        command = Propose(asked.names, drafted.found, drafted.replaced) if drafted else None
        self._write(command, drafted.found)

    def _not_answered(self, error: Exception) -> None:
        assert self._image is not None
        if isinstance(error, ImageError):
            self._leave_out(error)
        elif not isinstance(error, EngineError) or self._engine_failed:
            self._fail(error)
        elif self._tries < TRIES:
            self._query(self._image)
        else:
            self._failures += 1
            if self._failures < FAILURES_IN_A_ROW:
                self._leave_out(error)
            else:
                self._fail(error)

    def _leave_out(self, error: Exception) -> None:
        assert self.job is not None
        self.job.add_problem(str(error))
        self._write(None, [])

    def _write(self, command: Command | None, added: Sequence[ObjectRecord]) -> None:
        """One image, and that it is done, in one transaction."""
        project, job = self._project, self.job
        assert project is not None and job is not None and self._image is not None
        limits = self._thresholds()
        shown = sum((record.score or 0.0) >= limits[record.class_id] for record in added)
        plan = self._plan.after([record.uuid for record in added], shown)
        label = f"Propose {self._class_names(plan)} on {_images(len(plan.images))}"
        try:
            project.do(Batch([*([command] if command else []), plan.keep()], label), group=plan.step)
        except CommandError as error:  # such as a file of another size than when it was annotated
            job.add_problem(f"{self._image.name}: {error}")
            self._write(None, [])
            return
        except ZsiError as error:
            self._fail(error)
            return
        self._plan = plan
        self._next()

    # ---- its end

    def _finish(self) -> None:
        job, plan = self._end()
        self._session.do(BatchPlan.end())
        told = f"{_proposals(plan.shown)} on {_images(len(plan.images))}"
        if plan.proposed > plan.shown:
            told += f", {plan.proposed - plan.shown:,} weaker ones hidden below the thresholds"
        if job.problems:
            told += f", {len(job.problems):,} problem{'s' if len(job.problems) > 1 else ''}"
        job.end(JobState.DONE, told)
        self.ended.emit(f"{job.title}: {told}", job.problems)

    def _stop(self) -> None:
        """Somebody stopped the job, or the window closes."""
        _, plan = self._end()
        self.interrupted.emit(f"Proposing was stopped after {_of(plan)}; what it found is kept.")

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, ZsiError):
            report_exception(error)
        job, plan = self._end()
        job.end(JobState.FAILED, str(error))
        self.interrupted.emit(f"Proposing ended after {_of(plan)}: {error}")

    def _end(self) -> tuple[Job, BatchPlan]:
        self._cancel()
        assert self.job is not None
        job, self.job, self._project = self.job, None, None
        return job, self._plan

    def _cancel(self) -> None:
        asked, self._asked = self._asked, []
        for future in asked:
            future.cancel()
        if self._drafting is not None:
            self._drafting.cancel()
            self._drafting = None

    # ---- following the window

    def _on_project(self) -> None:
        if self.job is not None:
            self.job.stop()

    def _on_other(self) -> None:
        """Another model, whose answers must not be taken for the former one's; or the project waits."""
        if self.job is not None and self._session.project is self._project:
            self._prepare()

    def _on_change(self, change: Change) -> None:
        project = self._session.project
        if change.kind == "undo" and project is not None and self._session.writable:
            plan = self._plan if self.job is not None else BatchPlan.read(project)
            if plan is not None and plan.last in change.objects:
                self._taken_back()
                return
        if self._image is not None and self._image.id in change.images:
            self._stale = True

    def _taken_back(self) -> None:
        if self.job is not None:
            job, _ = self._end()
            job.end(JobState.STOPPED, "Stopped, for its proposals were undone")
        self._session.do(BatchPlan.end())

    # ---- helpers

    @property
    def _engine_failed(self) -> bool:
        event = self._link.last_event
        return event is not None and event.state == "failed"

    def _ask(self, request: Any, then: Any, error: Any) -> None:
        self._asked = [future for future in self._asked if not future.done()]
        self._asked.append(self._link.ask(request, then, error, priority=Priority.JOB))

    def _thresholds(self) -> dict[int, float]:
        assert self._project is not None and self._run is not None
        return {id: self._project.threshold(id, self._run.threshold) for id in self._phrases.values()}


def _images(number: int) -> str:
    return f"{number:,} image{'s' if number != 1 else ''}"


def _proposals(number: int) -> str:
    return f"{number:,} proposal{'s' if number != 1 else ''}"


def _of(plan: BatchPlan) -> str:
    return f"{plan.done:,} of {_images(len(plan.images))}"
