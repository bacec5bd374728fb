"""What the client does about an engine that crashes, hangs or is asked too much; without a model."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from pathlib import Path
from typing import Any

import pytest

from zsi_core.engine.client import EngineClient, Event, Patience, State
from zsi_core.engine.replies import Encoded
from zsi_core.engine.requests import CheckHealth, Encode, LoadModel, Priority
from zsi_core.engine.server import NICENESS
from zsi_core.errors import EngineError

SECONDS = 60
"""Patience of the tests; none of them needs it."""

STAND_IN = [sys.executable, str(Path(__file__).with_name("stand_in.py"))]

Start = Callable[..., EngineClient]


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def start(events: list[Event]) -> Iterator[Start]:
    """Starts a client that is closed at the end, and leaves nothing behind."""
    before = set(threading.enumerate())
    clients: list[EngineClient] = []

    def start(**options: Any) -> EngineClient:
        options = {"command": STAND_IN, "threads": 1, "on_event": events.append, **options}
        clients.append(EngineClient(**options))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
    assert set(threading.enumerate()) <= before


def done(future: Future[Encoded]) -> bool:
    return future.result(SECONDS).source == "network"


def process(client: EngineClient) -> int:
    return client.ask(CheckHealth()).result(SECONDS).process


def at_work(client: EngineClient) -> tuple[int, int]:
    """How many requests run, and how many wait."""
    health = client.ask(CheckHealth()).result(SECONDS)
    return health.running, health.waiting


def exists(pid: int) -> bool:
    """Whether a process runs (one that has ended and was not waited for does not)."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


# ---------------------------------------------------------------- the process


def test_closing_leaves_no_process_and_cancels_what_waits(start: Start, events: list[Event]) -> None:
    client = start()
    pid = process(client)
    waiting = client.ask(Encode("sleep"))
    client.close()
    assert not exists(pid)
    assert waiting.cancelled()
    assert [event.state for event in events] == [State.RUNNING, State.CLOSED]
    with pytest.raises(EngineError, match="closed"):
        client.ask(Encode("a")).result(SECONDS)


def test_closing_at_once_leaves_no_process(start: Start) -> None:
    client = start()
    client.close()
    assert client.state == State.CLOSED


@pytest.mark.skipif(sys.platform == "win32", reason="whoever starts a process there sees to its priority")
def test_the_window_goes_before_the_engine(start: Start) -> None:
    niceness = os.getpriority(os.PRIO_PROCESS, process(start()))
    assert niceness == min(os.nice(0) + NICENESS, 19)


def test_what_is_printed_does_not_get_between_messages(start: Start) -> None:
    client = start()
    assert done(client.ask(Encode("print")))
    assert done(client.ask(Encode("a")))


def test_the_engine_ends_with_the_process_that_started_it() -> None:
    code = (
        "import sys, time; from zsi_core.engine.client import EngineClient;"
        "from zsi_core.engine.requests import CheckHealth, Encode;"
        "client = EngineClient(command=sys.argv[1:], threads=1);"
        "print(client.ask(CheckHealth()).result().process, flush=True);"
        "client.ask(Encode('sleep')); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, *STAND_IN], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent:
        pid = int(parent.stdout.readline())
        assert exists(pid)
        parent.kill()
    until(lambda: not exists(pid))


def test_an_engine_that_cannot_start_says_why(start: Start, events: list[Event]) -> None:
    client = start(command=["no-such-program"])
    until(lambda: client.state == State.FAILED)
    assert "cannot be started" in events[-1].message
    with pytest.raises(EngineError, match="does not run: restart it"):
        client.ask(Encode("a")).result(SECONDS)


def test_an_engine_that_ends_at_once_is_started_a_few_times_only(start: Start, events: list[Event]) -> None:
    code = "import sys; print('no such library', file=sys.stderr); sys.exit(3)"
    client = start(command=[sys.executable, "-c", code])
    waiting = client.ask(Encode("a"))
    with pytest.raises(EngineError, match=r"exit code 3\. It is not started again by itself"):
        waiting.result(SECONDS)
    assert [event.state for event in events] == [State.STARTING, State.STARTING, State.FAILED]
    assert events[-1].details == "no such library"


def test_something_else_on_the_pipe_ends_the_engine(start: Start, events: list[Event]) -> None:
    code = "print('Loading and preparing results...', flush=True); import time; time.sleep(600)"
    client = start(command=[sys.executable, "-c", code])
    until(lambda: client.state == State.FAILED)
    assert "something else writes to its pipe" in events[-1].message


# ---------------------------------------------------------------- cancelling


def test_a_newer_request_of_a_topic_cancels_the_older_ones(start: Start, tmp_path: Path) -> None:
    blocker = tmp_path / "wait"
    blocker.touch()
    client = start()
    running = client.ask(Encode(str(blocker)), topic="image")  # goes from step to step until it is cancelled
    until(lambda: at_work(client)[0] == 1)
    older = [client.ask(Encode(f"{i}"), topic="image") for i in range(5)]
    other = client.ask(Encode("other"), topic="another")
    assert done(client.ask(Encode("last"), topic="image"))
    assert done(other)
    assert running.cancelled()
    assert all(future.cancelled() for future in older)
    until(lambda: at_work(client) == (0, 0))


def test_what_a_person_waits_for_goes_before_the_rest(start: Start, tmp_path: Path) -> None:
    blocker = tmp_path / "hold"
    blocker.touch()
    client = start()
    first = client.ask(Encode(str(blocker)))
    order: list[str] = []
    futures = []
    for name, priority in (("ahead", Priority.AHEAD), ("job", Priority.JOB), ("current", Priority.CURRENT)):
        futures.append(client.ask(Encode(name), priority=priority))
        futures[-1].add_done_callback(lambda _, name=name: order.append(name))
    until(lambda: at_work(client) == (1, 3))
    blocker.unlink()
    wait([first, *futures], SECONDS)
    assert order == ["current", "job", "ahead"]


# ---------------------------------------------------------------- crashes


def test_after_a_crash_the_failing_request_is_reported_and_the_others_are_answered(
    start: Start, events: list[Event], tmp_path: Path
) -> None:
    client = start()
    model = client.ask(LoadModel("mine")).result(SECONDS)
    gate = tmp_path / "kill"
    gate.touch()
    futures = [client.ask(Encode(name)) for name in (str(gate), "a", "b")]
    until(lambda: at_work(client) == (1, 2))
    gate.unlink()
    with pytest.raises(EngineError, match=r"worked on .*kill: it was killed, perhaps because memory ran out"):
        futures[0].result(SECONDS)
    assert all(done(future) for future in futures[1:])
    assert [e.state for e in events] == [State.RUNNING, State.STARTING, State.RUNNING]
    assert f"while it worked on {gate}: it was killed" in events[1].message
    assert "the stand-in is here" in events[1].details
    assert model.name == "mine"


def test_the_model_is_loaded_again_after_a_crash(start: Start) -> None:
    loads = []
    client = start()
    client.ask(LoadModel("mine")).result(SECONDS)
    client._received, received = (  # type: ignore[method-assign]
        lambda process, message: (loads.append(message.header.get("reply")), received(process, message)),
        client._received,
    )
    with pytest.raises(EngineError):
        client.ask(Encode("kill")).result(SECONDS)
    assert done(client.ask(Encode("a")))
    assert loads.count("ModelInfo") == 1


def test_an_image_that_ended_the_engine_twice_is_refused(start: Start, events: list[Event]) -> None:
    client = start()
    for _ in range(2):
        with pytest.raises(EngineError, match="the engine ended while it worked on kill"):
            client.ask(Encode("kill")).result(SECONDS)
        assert done(client.ask(Encode("a")))
    with pytest.raises(EngineError, match="has ended the engine 2 times and is not tried again"):
        client.ask(Encode("kill", ahead=True)).result(SECONDS)
    assert [e.state for e in events].count(State.STARTING) == 2
    client.restart()
    with pytest.raises(EngineError, match="the engine ended while it worked on kill"):
        client.ask(Encode("kill")).result(SECONDS)


def test_a_model_that_ends_the_engine_is_not_tried_for_ever(start: Start) -> None:
    client = start()
    for _ in range(2):
        with pytest.raises(EngineError, match="while it worked on the model kill"):
            client.ask(LoadModel("kill")).result(SECONDS)
    with pytest.raises(EngineError, match="the model kill has ended the engine 2 times"):
        client.ask(LoadModel("kill")).result(SECONDS)


def test_a_cancelled_request_is_not_sent_again(start: Start) -> None:
    client = start()
    cancelled = client.ask(Encode("sleep"))
    until(lambda: at_work(client)[0] == 1)
    cancelled.cancel()
    os.kill(process(client), 9)
    assert done(client.ask(Encode("a")))
    with pytest.raises(CancelledError):
        cancelled.result(SECONDS)


# ---------------------------------------------------------------- hangs


def test_a_frozen_engine_is_started_again(start: Start, tmp_path: Path) -> None:
    client = start(patience=Patience(answer=4.0))
    first = process(client)
    gate = tmp_path / "stop"
    gate.touch()
    frozen, other = client.ask(Encode(str(gate))), client.ask(Encode("a"))
    until(lambda: at_work(client) == (1, 1))
    gate.unlink()
    with pytest.raises(EngineError, match=r"worked on .*stop: it gave no sign of life for 4 seconds"):
        frozen.result(SECONDS)
    assert done(other)
    assert process(client) != first
    assert not exists(first)


def test_a_step_that_takes_too_long_ends_the_engine(start: Start) -> None:
    client = start(patience=Patience(answer=4.0, step=1.0))
    slow, other = client.ask(Encode("sleep")), client.ask(Encode("a"))
    with pytest.raises(EngineError, match="worked on sleep: it took more than 1 seconds"):
        slow.result(SECONDS)
    assert done(other)


def test_a_restart_sends_again_what_was_under_way(start: Start, tmp_path: Path) -> None:
    blocker = tmp_path / "wait"
    blocker.touch()
    client = start()
    first = process(client)
    future = client.ask(Encode(str(blocker)))
    client.restart()
    until(lambda: process(client) != first)
    blocker.unlink()
    assert done(future)
    assert not exists(first)


# ---------------------------------------------------------------- the window's process


def test_the_client_loads_no_heavy_library() -> None:
    code = (
        "import sys, zsi_core.engine.client, zsi_core.engine.requests;"
        "print(*sorted({'torch', 'torchvision', 'timm', 'gensim', 'cv2'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []
