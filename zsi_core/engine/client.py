"""`EngineClient`: ask the model, from a process that imports neither torch nor gensim.

    with EngineClient() as client:
        client.ask(LoadModel("starter"))
        found = client.ask(Query("desk.jpg", ("keyboard",)), topic="canvas").result()

Every answer is a `concurrent.futures.Future`; its callbacks run in a thread of the client. An engine that
crashes, is killed or hangs is started again with the model it had; what it was working on fails, the other
requests are sent again. An image that ended it twice is refused.
"""

from __future__ import annotations

import itertools
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Literal, TypeVar

from zsi_core import errors
from zsi_core.engine.messages import Message, ProtocolError
from zsi_core.engine.process import EngineProcess, engine_command
from zsi_core.engine.replies import decode_reply
from zsi_core.engine.requests import CheckHealth, Encode, LoadModel, Neighbours, Priority, Request
from zsi_core.errors import EngineError, ZsiError

Reply = TypeVar("Reply")

TIMES_TO_END_IT = 2
"""How often something may end the engine before it is refused."""

ENDS_IN_A_ROW = 3
"""How often the engine may end without an answer in between before it is not started any more."""

_LAST = ("result", "error", "cancelled")
_LOOKS = 4
"""Looks at the engine within the patience for an answer."""


class State(StrEnum):
    """Of the engine, as the client sees it."""

    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True)
class Event:
    """A change that a person may want to know of.

    Attributes:
        state: from now on.
        message: what happened; empty for the ordinary course.
        details: last lines that the engine wrote, for a report.
    """

    state: State
    message: str = ""
    details: str = ""


@dataclass(frozen=True)
class Patience:
    """How long the client waits before it takes the engine to hang, in seconds.

    Attributes:
        answer: for a sign of life.
        step: for a step of a request, such as encoding an image.
        load: for starting and loading a model, when the engine gives no signs of life either.
    """

    answer: float = 20.0
    step: float = 180.0
    load: float = 300.0


_News = EngineProcess | Literal["look", "restart", "close"]
"""What the supervisor wakes up for; a process: it has ended."""


@dataclass
class _Pending:
    """A request that has no answer yet."""

    id: int
    request: Request[Any]
    priority: int
    future: Future[Any]
    running_since: float | None = None
    overdue: bool = False
    suspected: bool = False
    """The engine ended while it worked on this and on something else."""

    def message(self) -> Message:
        return Message({**self.request.to_header(), "id": self.id, "priority": int(self.priority)})


@dataclass
class _Engine:
    """The present process and what is known of it."""

    process: EngineProcess
    said_hello: bool = False
    asked: float | None = None
    """When a sign of life was asked for that has not come."""
    hangs: str = ""
    """Why the client ended it."""


class EngineClient:
    """Keeps an engine process running and asks it. Its methods may be called from any thread; none waits."""

    def __init__(
        self,
        *,
        threads: int | None = None,
        options: Sequence[str] = (),
        command: Sequence[str] | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
        patience: Patience = Patience(),
    ) -> None:
        """Start the engine, without waiting for it.

        Args:
            threads: of arithmetic, per lane; by default all cores but one, so that the window stays fluid.
            options: further ones of `zsi_core.engine.server`.
            command: program in the place of `python -m zsi_core.engine`, for frozen builds.
            on_event: told of every change of state, in a thread of the client.
            patience: before the engine is taken to hang.
        """
        self._threads = threads or max(1, (os.cpu_count() or 1) - 1)
        arguments = ["--threads", str(self._threads), *options]
        self._command = [*command, *arguments] if command else engine_command(arguments)
        self._on_event = on_event
        self._patience = patience
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._topics: dict[str, Future[Any]] = {}
        self._ahead: dict[str, Future[Any]] = {}
        self._state = State.STARTING
        self._model: LoadModel | None = None
        self._ended_it: Counter[object] = Counter()
        self._ends_in_a_row = 0
        self._engine: _Engine | None = None
        self._news: queue.SimpleQueue[_News] = queue.SimpleQueue()
        self._supervisor = threading.Thread(target=self._supervise, name="engine supervisor", daemon=True)
        self._supervisor.start()

    # ------------------------------------------------------------------ asking

    @property
    def state(self) -> State:
        """Of the engine."""
        return self._state

    def ask(
        self, request: Request[Reply], *, priority: Priority = Priority.CURRENT, topic: str | None = None
    ) -> Future[Reply]:
        """Ask the engine.

        Args:
            request: one of `zsi_core.engine.requests`.
            priority: what is done first.
            topic: a newer request of the same topic cancels the older one, wherever that is.

        Returns:
            The reply to come. It fails with the `ZsiError` that the engine met, or with an `EngineError` if
            the engine ended over it; cancelling it ends the work before its next step.
        """
        future: Future[Reply] = Future()
        if topic is not None:
            with self._lock:
                former, self._topics[topic] = self._topics.get(topic), future
            if former is not None:
                former.cancel()
        with self._lock:
            refusal = self._refusal(request)
            if refusal is None:
                id = self._add(request, priority, future)
        if refusal is not None:
            future.set_exception(refusal)
            return future
        future.add_done_callback(lambda done: self._cancel(id) if done.cancelled() else None)
        self._news.put("look")
        return future

    def look_ahead(self, paths: Sequence[str]) -> list[Future[Any]]:
        """Encode images that will perhaps be looked at, when nothing else is to do; replaces the former ones.

        For the window's thread alone.

        Args:
            paths: the current image, then its neighbours, nearest first.
        """
        for path in self._ahead.keys() - set(paths):
            self._ahead.pop(path).cancel()
        self.ask(Neighbours(tuple(paths)), topic="neighbours")
        for path in paths:
            if path not in self._ahead or self._ahead[path].done():
                self._ahead[path] = self.ask(Encode(path, ahead=True), priority=Priority.AHEAD)
        return [self._ahead[path] for path in paths]

    def restart(self) -> None:
        """Start the engine again, after it failed or when it should; nothing is refused any more."""
        with self._lock:
            if self._state == State.CLOSED:
                return
            self._state = State.STARTING
            self._ended_it.clear()
            self._ends_in_a_row = 0
        self._news.put("restart")

    def close(self) -> None:
        """End the engine; no process and no thread is left. What has no answer is cancelled."""
        self._news.put("close")
        self._supervisor.join()

    def __enter__(self) -> EngineClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _add(self, request: Request[Any], priority: Priority, future: Future[Any]) -> int:
        """Make a request pending, and send it if there is an engine; the lock is held."""
        id = next(self._ids)
        self._pending[id] = _Pending(id, request, priority, future)
        if self._engine is not None:
            self._engine.process.send(self._pending[id].message())
        return id

    def _refusal(self, request: Request[Any]) -> EngineError | None:
        if self._state == State.CLOSED:
            return EngineError("the engine is closed: open the window again")
        if self._state == State.FAILED:
            return EngineError("the engine does not run: restart it in the menu Model")
        if self._ended_it[_culprit(request)] >= TIMES_TO_END_IT:
            return EngineError(
                f"{request.subject} has ended the engine {TIMES_TO_END_IT} times and is not tried again: "
                "leave it out or make it smaller, or restart the engine in the menu Model"
            )
        return None

    def _cancel(self, id: int) -> None:
        with self._lock:
            if self._engine is not None and id in self._pending:
                self._engine.process.send(Message({"kind": "cancel", "id": id}))

    # --------------------------------------------------------------- listening

    def _received(self, process: EngineProcess, message: Message) -> None:
        """In the thread of the process."""
        with self._lock:
            engine = self._engine
            if engine is None or process is not engine.process:
                return
            engine.asked = None
            if message.kind == "hello":
                engine.said_hello = True
            pending = self._pending.get(message.header.get("id", 0))
            if pending is not None:
                self._note(pending, message.kind)
        if message.kind == "hello":
            self._tell(State.RUNNING)
        elif pending is not None and message.kind in _LAST:
            _settle(pending.future, message)

    def _note(self, pending: _Pending, kind: str) -> None:
        """Keep what a message says of a request; the lock is held."""
        pending.running_since = time.monotonic() if kind == "began" else None
        if kind not in _LAST:
            return
        del self._pending[pending.id]
        if not isinstance(pending.request, LoadModel):
            self._ends_in_a_row = 0
        elif kind == "result":
            self._model = pending.request

    # -------------------------------------------------------------- supervising

    def _supervise(self) -> None:
        self._start()
        next_look = 0.0
        while True:
            wait = max(0.0, next_look - time.monotonic()) if self._pending else None
            try:
                news = self._news.get(timeout=wait)
            except queue.Empty:
                self._look()
                next_look = time.monotonic() + self._patience.answer / _LOOKS
                continue
            if news == "close":
                self._end()
                return
            if news == "restart":
                self._restart()
            elif self._engine is not None and news is self._engine.process:
                self._after_its_end(self._engine)

    def _start(self) -> None:
        try:
            process = EngineProcess(self._command, self._threads, self._received, self._news.put)
        except OSError as error:
            self._give_up(f"the engine cannot be started ({error}): install the program again")
            return
        with self._lock:
            waiting = list(self._pending.values())
            self._engine = _Engine(process)
            if self._model is not None and not any(isinstance(p.request, LoadModel) for p in waiting):
                self._add(self._model, Priority.CURRENT, Future())
            for pending in waiting:
                process.send(pending.message())

    def _look(self) -> None:
        """Ask for a sign of life; end an engine that gives none, or works on one step for too long."""
        now = time.monotonic()
        with self._lock:
            engine = self._engine
            if engine is None or engine.hangs:
                return
            running = [p for p in self._pending.values() if p.running_since is not None]
            loads = not engine.said_hello or any(isinstance(p.request, LoadModel) for p in running)
            patience = self._patience.load if loads else self._patience.answer
            for pending in running:
                limit = self._limit(pending)
                if pending.running_since is not None and now - pending.running_since > limit:
                    pending.overdue = True
                    engine.hangs = f"it took more than {limit:g} seconds and was ended"
            if engine.asked is None:
                engine.asked = now
                health = {**CheckHealth().to_header(), "id": next(self._ids), "priority": 0}
                engine.process.send(Message(health))
            elif now - engine.asked > patience:
                engine.hangs = f"it gave no sign of life for {patience:g} seconds and was ended"
        if engine.hangs:
            engine.process.kill()

    def _limit(self, pending: _Pending) -> float:
        return self._patience.load if isinstance(pending.request, LoadModel) else self._patience.step

    def _after_its_end(self, engine: _Engine) -> None:
        """Report what it worked on, and start it again for the rest."""
        reason = engine.process.epitaph()
        reason = engine.hangs or reason
        with self._lock:
            self._engine = None
            self._ends_in_a_row += 1
            running = [p for p in self._pending.values() if p.running_since is not None]
            blamed = _blamed(running)
            for pending in running:
                pending.running_since, pending.suspected = None, True
            for pending in blamed:
                self._ended_it[_culprit(pending.request)] += 1
            for pending in [p for p in self._pending.values() if p in blamed or p.future.cancelled()]:
                del self._pending[pending.id]
        at_work = " and ".join(sorted({p.request.subject for p in running}))
        message = f"the engine ended while it worked on {at_work}" if running else "the engine ended"
        details = engine.process.last_lines()
        for pending in blamed:
            _fail(
                pending.future, f"{message}: {reason}. It is started again; try it once more, or leave it out"
            )
        if self._ends_in_a_row >= ENDS_IN_A_ROW:
            self._give_up(f"{message}: {reason}. It is not started again by itself", details)
            return
        self._tell(State.STARTING, f"{message}: {reason}. It is started again", details)
        self._start()

    def _restart(self) -> None:
        with self._lock:
            engine, self._engine = self._engine, None
            for pending in self._pending.values():
                pending.running_since = None
        self._tell(State.STARTING)
        if engine is not None:
            engine.process.stop()
        self._start()

    def _give_up(self, message: str, details: str = "") -> None:
        self._tell(State.FAILED, message, details)
        for pending in self._all_pending():
            _fail(pending.future, message)

    def _end(self) -> None:
        with self._lock:
            self._state = State.CLOSED
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.process.stop()
        for pending in self._all_pending():
            pending.future.cancel()
        self._tell(State.CLOSED)

    def _all_pending(self) -> list[_Pending]:
        """All requests without an answer; they are pending no more."""
        with self._lock:
            pending = list(self._pending.values())
            self._pending.clear()
        return pending

    def _tell(self, state: State, message: str = "", details: str = "") -> None:
        with self._lock:
            self._state = state
        self._on_event(Event(state, message, details))


def _culprit(request: Request[Any]) -> object:
    """What is refused when it ends the engine again and again: an image, whatever is asked about it."""
    return getattr(request, "path", request)


def _blamed(running: list[_Pending]) -> list[_Pending]:
    """Which of the requests that were worked on ended the engine, as far as that is known."""
    if overdue := [pending for pending in running if pending.overdue]:
        return overdue
    return running if len(running) == 1 else [pending for pending in running if pending.suspected]


def _settle(future: Future[Any], message: Message) -> None:
    """Give a future the answer of a message."""
    if message.kind == "cancelled":
        future.cancel()
        return
    if message.kind == "error":
        known = getattr(errors, str(message.header.get("error")), EngineError)
        _fail(future, str(message.header.get("message")), known)
        return
    try:
        reply = decode_reply(message)
    except ProtocolError as error:
        _fail(future, str(error), ProtocolError)
        return
    if future.set_running_or_notify_cancel():
        future.set_result(reply)


def _fail(future: Future[Any], message: str, kind: type[ZsiError] = EngineError) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(kind(message))
