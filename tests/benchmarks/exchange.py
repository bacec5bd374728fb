"""COCO import and export beside plain `json` on the same data: times, and the peak of memory.

Every case runs in a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, run

POINTS = 40
OBJECTS_PER_IMAGE = 20
OBJECTS = 100_000
SMALL_IMAGES, SMALL_OBJECTS = 100, 10_000
JSON, OURS = ("json.load", "json.dump"), ("import", "export")
DRAWN = "export drawn"


def document(objects: int) -> dict[str, Any]:
    """Polygons of 40 points with two digits after the point, as COCO's."""
    numbers = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    annotations = []
    for i in range(objects):
        centre, radius = numbers.uniform(80, 400, 2), numbers.uniform(5, 70, POINTS)
        ring = np.round(centre + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1), 2)
        (x1, y1), (x2, y2) = ring.min(axis=0).tolist(), ring.max(axis=0).tolist()
        annotations.append(
            {
                "id": i + 1,
                "image_id": i // OBJECTS_PER_IMAGE + 1,
                "category_id": i % 80 + 1,
                "segmentation": [ring.ravel().tolist()],
                "area": round((x2 - x1) * (y2 - y1) / 2, 2),
                "bbox": [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)],
                "iscrowd": 0,
            }
        )
    images = [
        {"id": i + 1, "file_name": f"{i % 97}/{i}.jpg", "width": 640, "height": 480}
        for i in range(-(-objects // OBJECTS_PER_IMAGE))
    ]
    categories = [{"id": i + 1, "name": f"class {i}", "supercategory": ""} for i in range(80)]
    return {"images": images, "annotations": annotations, "categories": categories}


def measure(case: str, folder: Path) -> dict[str, float]:
    """Milliseconds of the clock and of the processor, and the peak of memory in MB."""
    work = prepared(case, folder)
    started, cpu = time.perf_counter(), time.process_time()
    work(folder / "in.json")
    return {
        "ms": (time.perf_counter() - started) * 1000,
        "cpu_ms": (time.process_time() - cpu) * 1000,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def prepared(case: str, folder: Path) -> Callable[[Path], object]:
    """What is measured; what it needs is made, or imported, before."""
    if case == "json.load":
        return load
    if case == "json.dump":
        content = load(folder / "in.json")
        return lambda file: dump(content, folder / "plain.json")

    from app.exchange.formats import export_project
    from app.exchange.importing import import_new
    from app.exchange.options import ExportOptions
    from app.project import Queries

    project = folder / ("drawn.zsip" if case == DRAWN else "p.zsip")
    if case == "import":
        project.unlink(missing_ok=True)
        return lambda file: import_new(file, project, folder)
    if case == DRAWN and not project.exists():
        draw(project)

    def export(_: Path) -> None:
        with Queries.open_for_reading(project) as queries:
            export_project(queries, folder / "out.json", "coco", ExportOptions(provenance=False))

    return export


def load(file: Path) -> Any:
    """What every program does that reads such a file."""
    with file.open(encoding="utf-8") as stream:
        return json.load(stream)


def dump(content: Any, file: Path) -> None:
    """What every program does that writes one."""
    with file.open("w", encoding="utf-8") as stream:
        json.dump(content, stream)


def draw(path: Path) -> None:
    """A project of 100 images with 10,000 drawn polygons, which an export has to measure."""
    from app.project import Geometry, ObjectRecord, Project
    from app.project.commands import AddClass, AddImages, AddObjects, NewImage
    from zsi_core.instances.polygons import Part

    entries = document(SMALL_OBJECTS)["annotations"]
    with Project.create(path, path.parent) as project:
        images = [NewImage(path.parent / f"{i}.jpg", 640, 480) for i in range(SMALL_IMAGES)]
        project.do(AddImages(images))
        project.do(AddClass("fork"))
        records = []
        for i, entry in enumerate(entries):
            ring = np.array(entry["segmentation"][0]).reshape(-1, 2)
            geometry = Geometry.from_parts([Part(ring)])
            records.append(ObjectRecord.drawn(i % SMALL_IMAGES + 1, 1, geometry, "polygon"))
        project.do(AddObjects(records))


def in_a_process(case: str, folder: Path) -> dict[str, float]:
    """`measure` in a process that has done nothing else."""
    command = [sys.executable, __file__, "--case", case, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def times_json(cpu_ms: dict[str, float]) -> dict[str, float]:
    """How many times the CPU time of plain json each case takes, and both together."""
    pairs = {OURS[0]: JSON[0], OURS[1]: JSON[1]}
    times = {ours: round(cpu_ms[ours] / cpu_ms[plain], 2) for ours, plain in pairs.items()}
    both = sum(cpu_ms[name] for name in OURS) / sum(cpu_ms[name] for name in JSON)
    return {**times, "both": round(both, 2)}


def cases(folder: Path, _: argparse.Namespace) -> tuple[Sequence[Case], dict[str, Any]]:
    """All cases; peaks of memory, and how many times json's CPU time they take, become known as they run."""
    # In another process: the peak of a small one is not handed on to those that it starts.
    subprocess.run([sys.executable, __file__, "--make", str(folder)], check=True)
    details: dict[str, Any] = {"objects": OBJECTS, "peak_mb": {}, "cpu_ms": {}}

    def timed(case: str) -> float:
        told = in_a_process(case, folder)
        details["peak_mb"][case] = round(told["peak_mb"])
        details["cpu_ms"][case] = min(round(told["cpu_ms"]), details["cpu_ms"].get(case, 1 << 30))
        if case == OURS[-1]:
            details["times_json_goal_3"] = times_json(details["cpu_ms"])
        return told["ms"]

    goals = {DRAWN: 1000}
    names = (*JSON, *OURS, DRAWN)
    return [Case(name, partial(timed, name), goal_ms=goals.get(name)) for name in names], details


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        dump(document(OBJECTS), Path(sys.argv[2]) / "in.json")
    elif sys.argv[1:2] == ["--case"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]))))
    else:
        with tempfile.TemporaryDirectory() as name:
            run("Import and export", partial(cases, Path(name)), repeats=3)
