"""How fast the window is: start, memory, a folder of 10,000 images, the next image."""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, run
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEventLoop, QTimer

from app.collector import Collector
from app.main_window import MainWindow
from app.project.commands import AddClass, AddObjects, SetGeometry
from app.project.geometry import Geometry
from app.project.records import ObjectRecord
from app.settings import Settings
from app.startup import make_application
from zsi_core.instances.polygons import Part

FILES = 10_000
OBJECTS = 20
CROWD = 2000
NEXT_SIZE = (1280, 960)
PATIENCE_S = 60
_BEAT_MS = 5

START = """
import json, os, time
from pathlib import Path
from PySide6.QtCore import QTimer
from app import startup

make = startup.make_application
def make_and_watch():
    application = make()
    def idle():
        status = Path("/proc/self/status")
        lines = status.read_text().splitlines() if status.exists() else []
        peak = next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), None)
        print(json.dumps({"cpu_s": round(time.process_time(), 3), "memory_mb": peak}), flush=True)
        os._exit(0)
    QTimer.singleShot(0, lambda: QTimer.singleShot(0, idle))
    return application
startup.make_application = make_and_watch
startup.run_window([], demo=False)
"""


def start() -> dict[str, float]:
    """Start the program, wait for the idle window, and say what that took."""
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def wait(condition: Callable[[], bool]) -> None:
    """Run the window until a condition holds; its threads run meanwhile."""
    loop = QEventLoop()
    timer = QTimer(interval=1)
    timer.timeout.connect(lambda: loop.quit() if condition() or time.monotonic() > end else None)
    end = time.monotonic() + PATIENCE_S
    timer.start()
    loop.exec()
    timer.stop()
    if not condition():
        raise TimeoutError("the window does not get there")


class Bench:
    """A window and the folders it opens."""

    def __init__(self, folder: Path) -> None:
        self.window = MainWindow(Settings(folder / "settings.ini"))
        self.window.resize(1280, 800)
        self.window.show()
        self._random = np.random.default_rng(0)
        self.many, self.few = folder / "many", folder / "few"
        self.many.mkdir()
        for number in range(FILES):
            (self.many / f"{number}.jpg").write_bytes(b"")
        self.few.mkdir()
        noise = np.random.default_rng(0).integers(0, 255, (NEXT_SIZE[1] // 8, NEXT_SIZE[0] // 8, 3), np.uint8)
        for number in range(10):
            shifted = Image.fromarray(np.roll(noise, number, axis=0)).resize(NEXT_SIZE)
            shifted.save(self.few / f"{number}.jpg", quality=90)

    @property
    def rows(self) -> int:
        return self.window.images.model.rowCount()

    def forget_many(self) -> None:
        """Close the project and remove it, so that the folder is new again."""
        self.window.session.close()
        wait(lambda: not self.window.jobs.running)
        for path in [*self.many.glob("*.zsip*"), *self.many.glob(".*.zsip*")]:
            path.unlink()

    def open_first_rows(self) -> None:
        self.window.open_paths([self.many])
        wait(lambda: self.rows > 0)
        self.window.images.list.grab()

    def open_all_rows(self) -> None:
        self.window.open_paths([self.many])
        wait(lambda: self.rows == FILES)

    def longest_block_ms(self) -> dict[str, float]:
        """Longest time without a reaction while all 10,000 rows came in, by clock and processor."""
        self.forget_many()
        beats: list[tuple[float, float]] = []
        timer = QTimer(interval=_BEAT_MS)
        timer.timeout.connect(lambda: beats.append((time.perf_counter(), time.thread_time())))
        timer.start()
        wait(lambda: len(beats) > 5)
        self.open_all_rows()
        wait(lambda: not self.window.jobs.running)
        timer.stop()
        clock, cpu = (max(later[i] - earlier[i] for earlier, later in pairwise(beats)) for i in (0, 1))
        return {"clock": round(clock * 1000 - _BEAT_MS, 1), "cpu": round(cpu * 1000, 1)}

    def annotate_few(self) -> None:
        """Open the folder of photographs and put objects into each."""
        self.window.open_paths([self.few])
        wait(lambda: self.window.session.image_id is not None and not self.window.jobs.running)
        session = self.window.session
        assert session.project is not None
        session.do(AddClass("thing"))
        for image_id in session.project.image_ids():
            session.do(AddObjects([self.thing(image_id) for _ in range(OBJECTS)]))

    def to_first(self) -> None:
        """Show the first photograph, and wait until the next one is ready."""
        window = self.window
        if window.session.project is None or window.session.project.root != self.few:
            window.session.close()
            window.open_paths([self.few])
            wait(lambda: not window.jobs.running and self.rows == 10)
        first, second = window.images.model.ids[:2]
        window.navigator.go_to(first)
        assert window.session.project is not None
        path = window.session.project.image(second).path
        wait(lambda: window.session.image_id == first and path in window.loader.cached)
        window.canvas.grab()

    def to_crowd(self) -> None:
        """Show the last photograph, which gets objects until it has a crowd of them, the first time."""
        window, session = self.window, self.window.session
        if session.project is None or session.project.root != self.few:
            self.to_first()
        assert session.project is not None
        last = window.images.model.ids[-1]
        window.navigator.go_to(last)
        wait(lambda: session.image_id == last)
        if missing := CROWD - len(session.objects):
            new = [self.thing(last, 15) for _ in range(missing)]
            session.do(AddObjects(new))
        window.grab()
        wait(lambda: window.canvas.object_layer.complete)

    def edit_in_crowd(self) -> None:
        """One object among many is moved a little: written, shown, ready to be undone."""
        session = self.window.session
        uuid, record = next(iter(session.objects.items()))
        moved = [Part(part.outer + self._random.choice((-1, 1))) for part in record.geometry.polygons]
        session.do(SetGeometry({uuid: Geometry.from_parts(moved)}, "move"))
        QCoreApplication.sendPostedEvents()  # paints what has changed

    def thing(self, image_id: int, radius: float = 60) -> ObjectRecord:
        """A polygon of 40 points somewhere."""
        angles = np.sort(self._random.uniform(0, 2 * np.pi, 40))
        ring = self._random.uniform(100, 850, 2) + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
        geometry = Geometry.from_parts([Part(ring)])
        return ObjectRecord.drawn(image_id, self.window.session.class_id or 0, geometry, "polygon")

    def next_painted(self) -> None:
        self.window.registry["next_image"].trigger()
        self.window.canvas.grab()
        assert self.window.session.image_id == self.window.images.model.ids[1]


def cases(folder: Path, options: argparse.Namespace) -> tuple[Sequence[Case], dict[str, Any]]:
    """All cases, and what is measured once."""
    make_application()
    bench = Bench(folder)
    bench.annotate_few()
    Collector(lambda: bench.window.proposals.busy, bench.window)  # as in the program
    gc.freeze()
    block = bench.longest_block_ms()
    details = {
        "start": start(),
        "memory_goal_mb": 150,
        "longest_block_while_opening_ms": block,
        "images": FILES,
    }
    print(json.dumps(details), file=sys.stderr)
    return [
        Case("process start to idle window", start, goal_ms=1000),
        Case(
            f"folder of {FILES:,} images: first rows", bench.open_first_rows, bench.forget_many, goal_ms=100
        ),
        Case(f"folder of {FILES:,} images: all rows", bench.open_all_rows, bench.forget_many),
        Case("next image, 20 objects, read ahead, painted", bench.next_painted, bench.to_first, goal_ms=30),
        Case(f"one edit, {CROWD:,} objects, recorded and shown", bench.edit_in_crowd, bench.to_crowd),
    ], details


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        run("The window", partial(cases, Path(name)))
