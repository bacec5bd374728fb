"""`run_task`: results and errors arrive in the window's thread, cancelled work says nothing any more."""

from __future__ import annotations

import threading
from typing import Any

from pytestqt.qtbot import QtBot

from app.jobs import Task, run_task, wait_for_tasks


def test_a_result_arrives_in_the_windows_thread(qtbot: QtBot) -> None:
    ran: list[threading.Thread] = []
    got: list[tuple[Any, threading.Thread]] = []

    def work(task: Task) -> int:
        ran.append(threading.current_thread())
        task.report("half")
        return 42

    def take(value: Any) -> None:
        got.append((value, threading.current_thread()))

    run_task(work, take, on_report=take)
    qtbot.waitUntil(lambda: len(got) == 2)
    here = threading.current_thread()
    assert got == [("half", here), (42, here)]
    assert ran[0] is not here


def test_an_error_goes_to_its_receiver_alone(qtbot: QtBot) -> None:
    got: list[str] = []

    def fail(_: Task) -> None:
        raise OSError("disk gone")

    run_task(fail, lambda _: got.append("then"), lambda error: got.append(str(error)))
    qtbot.waitUntil(lambda: bool(got))
    assert got == ["disk gone"]


def test_cancelled_work_ends_and_is_not_heard_of(qtbot: QtBot) -> None:
    started, may_go_on = threading.Event(), threading.Event()
    passed: list[str] = []
    got: list[Any] = []

    def work(task: Task) -> int:
        started.set()
        may_go_on.wait(10)
        task.report("late")
        task.check()
        passed.append("the check")
        return 1

    task = run_task(work, got.append, got.append, on_report=got.append)
    assert started.wait(10)
    task.cancel()
    may_go_on.set()
    assert wait_for_tasks()
    done: list[int] = []
    run_task(lambda _: 1, done.append)  # what was posted before is delivered before
    qtbot.waitUntil(lambda: bool(done))
    assert (passed, got) == ([], [])


def test_a_result_that_waits_for_delivery_can_still_be_cancelled(qtbot: QtBot) -> None:
    got: list[Any] = []
    task = run_task(lambda _: 1, got.append)
    assert wait_for_tasks()
    task.cancel()
    done: list[int] = []
    run_task(lambda _: 2, done.append)
    qtbot.waitUntil(lambda: bool(done))
    assert got == []


def test_urgent_work_goes_first(qtbot: QtBot) -> None:
    from PySide6.QtCore import QThreadPool

    pool = QThreadPool()
    pool.setMaxThreadCount(1)
    gate = threading.Event()
    order: list[str] = []
    run_task(lambda _: gate.wait(10), pool=pool)
    for name, priority in (("later", -1), ("soon", 0), ("now", 1)):
        run_task(lambda _, name=name: order.append(name), priority=priority, pool=pool)  # type: ignore[misc]
    gate.set()
    assert pool.waitForDone(10_000)
    assert order == ["now", "soon", "later"]
