"""COCO import and export beside plain `json` on the same data: times, and the peak of memory.

Every case runs in a process of its own, so that its memory is its own.

    python tests/benchmarks/exchange.py [--objects 100000] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

POINTS = 40
OBJECTS_PER_IMAGE = 20
SMALL_IMAGES, SMALL_OBJECTS = 100, 10_000
CASES = ("json.load", "json.dump", "import", "export", "export drawn")


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
    """Seconds of the clock and of the processor, and the peak of memory in MB."""
    file, work = folder / "in.json", prepared(case, folder)
    started, cpu = time.perf_counter(), time.process_time()
    work(file)
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
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

    if case == "import":
        return lambda file: import_new(file, folder / "p.zsip", folder)
    project = folder / ("p.zsip" if case == "export" else "drawn.zsip")
    if case == "export drawn":
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="only JSON on standard output")
    parser.add_argument("--case", choices=("make", *CASES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case == "make":
        dump(document(options.objects), options.folder / "in.json")
        print("{}")
        return
    if options.case:
        print(json.dumps(measure(options.case, options.folder)))
        return
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        # All of it in other processes: the peak of a small one is not handed on to them.
        for case in ("make", *CASES):
            command = [sys.executable, __file__, "--case", case, "--folder", name]
            command += ["--objects", str(options.objects)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            results[case] = json.loads(done.stdout)
        del results["make"]
    both = [sum(results[case]["cpu_seconds"] for case in pair) for pair in (CASES[:2], CASES[2:4])]
    results["ratio"] = both[1] / both[0]
    if not options.json:
        for case in CASES:
            figures = results[case]
            print(
                f"{case:14} {figures['seconds']:7.2f} s {figures['cpu_seconds']:7.2f} s CPU "
                f"{figures['peak_mb']:7.0f} MB",
                file=sys.stderr,
            )
        print(f"import + export take {both[1] / both[0]:.2f} x json (CPU; goal 3)", file=sys.stderr)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
