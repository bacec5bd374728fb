"""The review of an image with a thousand proposals, in the real window: from a key until all has followed.

No model takes part. Nothing may hold up the window for longer than one frame, 16 ms.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from assistant import BLOCK_GOAL_MS, Beat, tell_blocks, wait
from harness import Case, run
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.collector import Collector
from app.jobs import wait_for_tasks
from app.main_window import MainWindow
from app.project.commands import AddClass, AddObjects
from app.project.geometry import Geometry
from app.project.records import ObjectRecord
from app.settings import Settings
from app.startup import make_application
from app.turns import turns_wait
from zsi_core.instances.polygons import Part

PROPOSALS = 1000
SIZE = (1280, 960)
_MODEL = {"model": "starter", "checkpoint_sha256": "ab" * 32, "name": "cat", "threshold": 0.3}


class Bench:
    """A window with one image and many proposals of three classes."""

    def __init__(self, folder: Path) -> None:
        self._random = np.random.default_rng(0)
        photos = folder / "photos"
        photos.mkdir()
        pixels = self._random.integers(0, 255, (SIZE[1] // 10, SIZE[0] // 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize(SIZE).save(photos / "crowd.png")
        self.window = window = MainWindow(Settings(folder / "settings.ini"))
        window.resize(1280, 800)
        window.show()
        window.open_paths([photos])
        wait(lambda: window.session.image_id is not None and not window.jobs.running)
        for name in ("cat", "dog", "fork"):
            window.session.do(AddClass(name))
        self.classes = list(window.session.classes())
        window.session.do(AddObjects([self._proposal(number) for number in range(PROPOSALS)]))
        window.canvas.setFocus()
        self._settle()
        self.beat = Beat()
        self.blocks: dict[str, list[tuple[float, float]]] = {}

    def _proposal(self, number: int) -> ObjectRecord:
        angles = np.sort(self._random.uniform(0, 2 * np.pi, 40))
        middle, radius = self._random.uniform((60, 60), (1200, 900)), self._random.uniform(12, 40)
        ring = middle + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
        score = float(self._random.uniform(0.3, 0.95))
        provenance = {"state": "proposed", "made_by": {**_MODEL, "score": score}, "edits": [], "created": ""}
        image_id = self.window.session.image_id
        assert image_id is not None
        geometry = Geometry.from_parts([Part(ring)])
        return ObjectRecord.of_provenance(image_id, self.classes[number % 3], geometry, provenance)

    def _settle(self) -> None:
        canvas = self.window.canvas
        wait(lambda: not (turns_wait() or canvas._repaints.waiting) and canvas.object_layer.complete)

    def until_all_follows(self, what: str, act: Callable[[], object]) -> None:
        """Do it, and note for how long the window's thread was held up at a stretch."""
        self.beat.start()
        act()
        self._settle()
        self.blocks.setdefault(what, []).append(self.beat.stop())

    def press(self, key: Qt.Key) -> None:
        QTest.keyClick(self.window.canvas, key)

    def move_threshold(self) -> None:
        """Of one class, to and fro: some thirty of its proposals come or go."""
        thresholds, class_id = self.window.proposals.thresholds, self.classes[0]
        thresholds.set(class_id, 0.5 if thresholds.of(class_id) != 0.5 else 0.56)


def cases(folder: Path, options: argparse.Namespace) -> tuple[Sequence[Case], dict[str, Any]]:
    """All cases; what the details hold is filled while they run."""
    make_application()
    bench = Bench(folder)
    Collector(lambda: bench.window.proposals.busy, bench.window)  # as in the program
    gc.freeze()
    atexit.register(tell_blocks, bench.blocks)
    actions: dict[str, Callable[[], object]] = {
        "accepting with Space": partial(bench.press, Qt.Key.Key_Space),
        "rejecting with X": partial(bench.press, Qt.Key.Key_X),
        "undoing": bench.window.session.undo,
        "moving a threshold": bench.move_threshold,
    }
    return [
        Case(
            f"{what}, {PROPOSALS:,} proposals, all has followed", partial(bench.until_all_follows, what, act)
        )
        for what, act in actions.items()
    ], {"window_held_up_ms": bench.blocks, "window_held_up_goal_ms": BLOCK_GOAL_MS}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for variable in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "ZSI_CACHE"):
            os.environ[variable] = name
        run("The review of many proposals", partial(cases, Path(name)))
        wait_for_tasks()
