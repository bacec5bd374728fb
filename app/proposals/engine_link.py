"""`EngineLink`: the window's end of the engine. Answers arrive in the window's thread, or not at all.

    link.ask(Query(path, ("cat",)), show, topic="preview")

Nothing here waits: the engine starts, loads its model, crashes and is started again while the window works.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Signal

from app.jobs.worker import Task, open_mailbox, post, run_task
from app.settings import Settings
from zsi_core.engine.replies import ModelInfo
from zsi_core.engine.requests import LoadModel, Priority, Request
from zsi_core.errors import EngineError

if TYPE_CHECKING:
    from zsi_core.engine.client import EngineClient, Event

Reply = TypeVar("Reply")

_CLOSES_FIRST = 100
"""Priority of ending the engine among the tasks of the window."""


class EngineLink(QObject):
    """Keeps the engine of one window.

    Attributes:
        model: the loaded one; None before the first is.
        loading: name of the model that is being loaded; empty when none is.
        last_event: what the client told last; None before `start`.
    """

    model_changed = Signal(object)
    """`ModelInfo` of the model that is loaded from now on."""
    state_changed = Signal(object)
    """`zsi_core.engine.client.Event`: the engine starts, runs, or failed and is not started again."""
    loading_changed = Signal(str)
    """Name of the model that is being loaded; empty when none is any more."""
    problem = Signal(str)
    """Why a request failed, for the message bar."""

    def __init__(
        self, settings: Settings, parent: QObject | None = None, *, command: Sequence[str] | None = None
    ) -> None:
        """
        Args:
            settings: remember the chosen model.
            command: program in the place of the engine's (see `EngineClient`).
        """
        super().__init__(parent)
        self.model: ModelInfo | None = None
        self.loading = ""
        self.last_event: Event | None = None
        self._settings = settings
        self._command = command
        self._client: EngineClient | None = None
        self._topics: dict[str, Future[Any]] = {}
        self._asked: set[Future[Any]] = set()
        self._life = Task()
        open_mailbox()

    @property
    def started(self) -> bool:
        """Whether the engine was started; what is asked before fails."""
        return self._client is not None

    @property
    def ready(self) -> bool:
        """Whether a model is loaded and the engine runs or is being started again: questions have answers."""
        return self._client is not None and self.model is not None and not self.failed

    @property
    def failed(self) -> bool:
        """Whether the engine has ended and is not started again by itself."""
        return self.last_event is not None and self.last_event.state == "failed"

    def start(self) -> None:
        """Start the engine and load the chosen model; once, when the window is idle."""
        if self.started or self._life.cancelled:
            return
        from zsi_core.engine.client import EngineClient  # the first paint of the window does not wait for it

        life = self._life
        self._client = EngineClient(
            command=self._command, on_event=lambda event: post(life, self._on_event, event)
        )
        self.load(*self._settings.model())

    def ask(
        self,
        request: Request[Reply],
        then: Callable[[Reply], object] | None = None,
        error: Callable[[Exception], object] | None = None,
        *,
        priority: Priority = Priority.CURRENT,
        topic: str | None = None,
    ) -> Future[Reply]:
        """Ask the engine, from any thread.

        Args:
            request: one of `zsi_core.engine.requests`.
            then: receives the reply, in the window's thread.
            error: receives the exception, in the window's thread; by default its message goes to `problem`.
            priority: what is done first.
            topic: a newer request of the same topic cancels the older one.

        Returns:
            Settled in the window's thread right before `then` or `error` is called (so do not wait for it
            there). Once it is cancelled, neither is called, even if the engine had answered already.
        """
        asked: Future[Reply] = Future()
        if self._life.cancelled:
            asked.cancel()
            return asked
        if topic is not None:
            former, self._topics[topic] = self._topics.get(topic), asked
            if former is not None:
                former.cancel()
        self._asked.add(asked)
        client = self._client
        answer = _refused() if client is None else client.ask(request, priority=priority)
        asked.add_done_callback(partial(self._done, answer))
        answer.add_done_callback(lambda _: self._answered(answer, asked, then, error))
        return asked

    def load(self, model: str, device: str | None = None) -> None:
        """Load a model in the place of the present one, and remember the choice once it is loaded.

        Args:
            model: installed name, or a checkpoint folder.
            device: "cpu", "cuda" ...; None for the best.
        """

        def loaded(info: ModelInfo) -> None:
            self._set_loading("")
            self.model = info
            self._settings.remember_model(model, device)
            self.model_changed.emit(info)

        def failed(error: Exception) -> None:
            self._set_loading("")
            self.tell(error)

        if self._client is not None and self.failed:
            self._client.restart()
        self._set_loading(model)
        self.ask(LoadModel(model, device), loaded, failed, topic="model")

    def look_ahead(self, paths: Sequence[str]) -> None:
        """Encode images that will perhaps be looked at, when nothing else is to do; replaces the former ones.

        An image that cannot be encoded is told of when it is asked about.

        Args:
            paths: the current image, then its neighbours, nearest first.
        """
        if self._client is not None and self.ready:
            self._client.look_ahead(paths)

    def restart(self) -> None:
        """Start the engine again, after it failed or when it should."""
        if self._client is None:
            self.start()
            return
        self._client.restart()
        if self.model is None:
            self.load(*self._settings.model())

    def close(self) -> None:
        """End the engine, without waiting for it; nothing is delivered from now on."""
        self._life.cancel()
        for asked in list(self._asked):
            asked.cancel()
        client, self._client = self._client, None
        if client is not None:
            run_task(lambda _: client.close(), priority=_CLOSES_FIRST)

    # ---- in the threads of the client

    def _done(self, answer: Future[Any], asked: Future[Any]) -> None:
        self._asked.discard(asked)
        if asked.cancelled():
            answer.cancel()

    def _answered(
        self,
        answer: Future[Any],
        asked: Future[Any],
        then: Callable[[Any], object] | None,
        error: Callable[[Exception], object] | None,
    ) -> None:
        if answer.cancelled():
            asked.cancel()
        else:
            post(self._life, lambda _: self._deliver(answer, asked, then, error), None)

    # ---- in the window's thread

    def _deliver(
        self,
        answer: Future[Any],
        asked: Future[Any],
        then: Callable[[Any], object] | None,
        error: Callable[[Exception], object] | None,
    ) -> None:
        if not asked.set_running_or_notify_cancel():
            return
        problem = answer.exception()
        if problem is None:
            asked.set_result(answer.result())
            if then is not None:
                then(answer.result())
            return
        asked.set_exception(problem)
        assert isinstance(problem, Exception)
        (error or self.tell)(problem)

    def tell(self, error: Exception) -> None:
        """Tell the person why a request failed."""
        # A failed engine is told of once, with its way out, not for every request that it took along.
        if not self.failed:
            self.problem.emit(str(error))

    def _on_event(self, event: Event) -> None:
        self.last_event = event
        if event.state == "failed":
            self._set_loading("")
        self.state_changed.emit(event)

    def _set_loading(self, model: str) -> None:
        if model != self.loading:
            self.loading = model
            self.loading_changed.emit(model)


def _refused() -> Future[Any]:
    refused: Future[Any] = Future()
    refused.set_exception(EngineError("the engine was not started: start it in the menu Model"))
    return refused
