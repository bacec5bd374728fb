"""A process killed at any moment loses nothing that was acknowledged, and the project opens."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.project import Project
from app.project.commands import AddObjects

ROOT = Path(__file__).parents[3]

# Moves one object, or undoes that, as fast as it can, and says after every step where the object is then.
STORM = """
import sys
from pathlib import Path
from app.project import Geometry, Project
from app.project.commands import SetGeometry

project = Project.open(Path(sys.argv[1]))
assert not project.read_only, project.read_only
(record,) = project.objects(1)
start = int(record.geometry.box[0])
for n in range(start + 1, start + 100_000):
    project.do(SetGeometry({record.uuid: Geometry.from_box((n, 0, n + 1, 1))}, "move"))
    if n % 7 == 0:
        project.undo(1)
        project.redo(1)
    if n % 50 == 0:
        project.flush()
    print(n, flush=True)
"""


def storm(path: Path, seconds: float) -> int:
    """Kill an edit storm some time after its first step; the last step that it acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", STORM, path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    rest = process.stdout.read()
    process.wait()
    lines = [line for line in (first + rest).split("\n")[:-1] if line]
    assert lines, "it did nothing"
    return int(lines[-1])


def survive(project: Project, make: Any, times: int) -> None:
    project.do(AddObjects([make.drawn(1, x=0)]))
    project.close()
    chance = random.Random(0)
    for _ in range(times):
        acknowledged = storm(project.path, chance.uniform(0, 0.3))
        with Project.open(project.path) as again:
            assert again.read_only == ""
            assert again._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            (record,) = again.objects(1)
            # It may have been killed between two steps and their acknowledgement, or between undo and redo.
            assert record.geometry.box[0] in (acknowledged, acknowledged + 1)
            assert again.undo(1) is not None
            assert again.redo(1) is not None


def test_nothing_acknowledged_is_lost_by_a_kill(project: Project, make: Any) -> None:
    survive(project, make, times=3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_acknowledged_is_lost_by_a_hundred_kills(project: Project, make: Any) -> None:
    survive(project, make, times=100)
