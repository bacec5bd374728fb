"""From a typed name to painted proposals, in the real window with the real engine.

A person takes what follows within 100 ms for immediate. Meanwhile nothing may hold up the window for longer
than one frame, 16 ms.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from harness import Case, run
from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from PySide6.QtTest import QTest

from app.collector import Collector
from app.jobs import wait_for_tasks
from app.main_window import MainWindow
from app.settings import Settings
from app.startup import make_application
from zsi_core.engine.requests import Drop, Encode
from zsi_core.files import resources_dir

PICTURE = "cat_on_sofa.jpg"
NAMES = ("cat", "sofa", "remote control", "plant", "hair drier", "fork", "pillow", "dog")
PATIENCE_S = 900
GOAL_MS, BLOCK_GOAL_MS = 100, 16
_BEAT_MS = 1
_CALM_MS = 60
_PENALTIES = (0.5, 3.0)
"""How much new names are favoured over seen classes, in turns."""


class Beat:
    """How long the window's thread was held up between two beats of a timer, and how long it worked itself.

    On a busy machine the first is longer: other processes have the cores.
    """

    def __init__(self) -> None:
        self._held_up = self._worked = 0.0
        self._last = self._now()
        self._timer = QTimer(interval=_BEAT_MS)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self._held_up = self._worked = 0.0
        self._last = self._now()
        self._timer.start()

    def stop(self) -> tuple[float, float]:
        """Longest time held up, and longest work, in milliseconds."""
        self._timer.stop()
        return self._held_up, self._worked

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter() * 1000, time.thread_time() * 1000

    def _beat(self) -> None:
        now = self._now()
        self._held_up = max(self._held_up, now[0] - self._last[0] - _BEAT_MS)
        self._worked = max(self._worked, now[1] - self._last[1])
        self._last = now


class Painted(QObject):
    """Counts the repaints of a widget."""

    def __init__(self, widget: QObject) -> None:
        super().__init__(widget)
        self.number = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        self.number += event.type() == QEvent.Type.Paint
        return False


def wait(condition: Callable[[], object]) -> None:
    """Run the window until a condition holds; its threads run meanwhile."""
    loop = QEventLoop()
    timer = QTimer(interval=_BEAT_MS)
    end = time.monotonic() + PATIENCE_S
    timer.timeout.connect(lambda: loop.quit() if condition() or time.monotonic() > end else None)
    timer.start()
    loop.exec()
    timer.stop()
    if not condition():
        raise TimeoutError("the window does not get there")


class Bench:
    """A window with the demo pictures, one of them in view and encoded."""

    def __init__(self, folder: Path, model: str) -> None:
        settings = Settings(folder / "settings.ini")
        settings.remember_model(model, "cpu")
        self.window = window = MainWindow(settings)
        window.resize(1280, 800)
        window.show()
        window.link.start()
        self.path = str(shutil.copy(resources_dir() / "demo" / PICTURE, folder))
        window.open_paths([Path(self.path)])
        wait(lambda: window.session.image_id is not None and not window.jobs.running and window.link.ready)
        self.input = window.assistant.bar.input
        self.painted = Painted(window.canvas)
        self.beat = Beat()
        self.blocks: dict[str, list[tuple[float, float]]] = {
            "typing": [],
            "Enter": [],
            "moving the slider of the generalised mode": [],
        }
        self._names = 0
        self._penalty = 0.0
        self._last_letter = ""

    def clear(self) -> None:
        """An empty line, no names, no proposals; the engine keeps what it knows of the image."""
        window = self.window
        self.input.clear()
        window.assistant.preview.set_text("")
        window.proposals.prompt.set_generalised(False)
        for chip in window.proposals.prompt.chips:
            window.proposals.prompt.remove(chip.class_id)
        wait(lambda: not window.proposals.busy and not window.canvas.overlay)
        self._names += 1
        name = NAMES[self._names % len(NAMES)]
        self.input.setFocus()
        self.input.setText(name[:-1])
        self._last_letter = name[-1]
        QTest.qWait(_CALM_MS)

    def clear_and_forget_masks(self) -> None:
        """The image is encoded anew, so that no region has a mask yet."""
        link = self.window.link
        for request in (Drop((self.path,)), Encode(self.path)):
            wait(link.ask(request).done)
        self.clear()

    def type_last_letter(self) -> None:
        """Until what was found is painted over the image."""
        preview = self.window.assistant.preview
        self.beat.start()
        QTest.keyClicks(self.input, self._last_letter)
        wait(lambda: preview.number is not None)
        self._wait_for_paint()
        self.blocks["typing"].append(self.beat.stop())

    def press_enter(self) -> None:
        """Until the proposals are in the project, and painted."""
        proposals = self.window.proposals
        QTest.keyClicks(self.input, self._last_letter)
        self.beat.start()
        QTest.keyClick(self.input, Qt.Key.Key_Return)
        wait(lambda: not proposals.busy)
        self._wait_for_paint()
        self.blocks["Enter"].append(self.beat.stop())

    def clear_and_ask_for_seen_classes(self) -> None:
        """One name, and the classes that the model was trained on."""
        prompt = self.window.proposals.prompt
        if not prompt.chips:
            prompt.add(NAMES[0])
        self._penalty = _PENALTIES[0] if self._penalty == _PENALTIES[1] else _PENALTIES[1]
        wait(lambda: not self.window.proposals.busy)
        QTest.qWait(_CALM_MS)

    def move_slider(self) -> None:
        """Until other proposals are in the project, and painted."""
        proposals = self.window.proposals
        self.beat.start()
        proposals.prompt.set_generalised(True, self._penalty)
        wait(lambda: not proposals.busy)
        self._wait_for_paint()
        self.blocks["moving the slider of the generalised mode"].append(self.beat.stop())

    def _wait_for_paint(self) -> None:
        before = self.painted.number
        self.window.canvas.update()
        wait(lambda: self.painted.number > before)


def tell_blocks(all_blocks: dict[str, list[tuple[float, float]]]) -> None:
    """The longest stretches of the window's thread in each run, on standard error.

    Args:
        all_blocks: what was done -> what `Beat.stop` gave in each run.
    """
    for what, blocks in all_blocks.items():
        for verb, times in zip(("held up", "at work"), zip(*blocks, strict=True), strict=False):
            print(
                f"window's thread {verb} at a stretch while {what}: median {median(times):.1f} ms, "
                f"longest {max(times):.1f} ms, goal <= {BLOCK_GOAL_MS} ms",
                file=sys.stderr,
            )


def cases(folder: Path, options: argparse.Namespace) -> tuple[Sequence[Case], dict[str, Any]]:
    """All cases; what the details hold is filled while they run."""
    make_application()
    bench = Bench(folder, options.model)
    bench.clear()
    bench.type_last_letter()  # encodes the image
    for blocks in bench.blocks.values():
        blocks.clear()
    Collector(lambda: bench.window.proposals.busy, bench.window)  # as in the program
    gc.freeze()
    atexit.register(tell_blocks, bench.blocks)
    return [
        Case(
            "last letter to painted preview, masks known",
            bench.type_last_letter,
            bench.clear,
            goal_ms=GOAL_MS,
        ),
        Case(
            "last letter to painted preview, new masks",
            bench.type_last_letter,
            bench.clear_and_forget_masks,
            goal_ms=GOAL_MS,
        ),
        Case("Enter to painted proposals, masks known", bench.press_enter, bench.clear, goal_ms=GOAL_MS),
        Case(
            "slider of the generalised mode to painted proposals",
            bench.move_slider,
            bench.clear_and_ask_for_seen_classes,
            goal_ms=GOAL_MS,
        ),
    ], {"window_held_up_ms": bench.blocks, "window_held_up_goal_ms": BLOCK_GOAL_MS}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for variable in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "ZSI_CACHE"):
            os.environ[variable] = name
        run("The assistant, from a key to painted masks", partial(cases, Path(name)))
        wait_for_tasks()
