"""Programs of other people read from an export what the project holds.

uv fetches them into an environment of its own: their dependencies are no business of this one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from app.exchange.formats import export_project
from app.exchange.options import ExportOptions
from app.project import Geometry, ObjectRecord
from app.project.commands import AddClass, AddImages, AddObjects, NewImage
from tests.app.exchange.conftest import HEIGHT, WIDTH, Exchange
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part

READERS = ("supervision", "datumaro", "labelme")
IMAGES = ("a/1.png", "b/1.png")


def ring(x: float, y: float, width: float, height: float) -> np.ndarray:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])


def shapes() -> list[Geometry]:
    """A square, two parts, a hole, pixels, an outline between the pixels."""
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[3:9, 5:8] = pixels[8, 8:12] = True
    return [
        Geometry.from_parts([Part(ring(2, 2, 10, 10))]),
        Geometry.from_parts([Part(ring(20, 3, 6, 8)), Part(ring(30, 15, 5, 5))]),
        Geometry.from_parts([Part(ring(5, 14, 12, 12), (ring(8, 17, 5, 5),))]),
        Geometry.from_mask(rles.encode(pixels)),
        Geometry.from_parts([Part(np.array([[1.5, 20.25], [12.75, 22], [7.3, 28.9]]))]),
    ]


def unpacked(mask: str) -> np.ndarray:
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(mask), np.uint8))
    return bits[: HEIGHT * WIDTH].reshape(HEIGHT, WIDTH).astype(bool)


def border(mask: np.ndarray) -> np.ndarray:
    """Pixels near the boundary: some programs round points to whole pixels and fill the outline as well."""
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_other_programs_read_what_was_drawn(exchange: Exchange) -> None:
    project, folder = exchange.project, exchange.folder
    for name in IMAGES:
        Image.new("RGB", (WIDTH, HEIGHT)).save(exchange.images / name)
        (exchange.images / name).with_suffix(".jpg").unlink()
    project.do(AddImages([NewImage(exchange.images / name, WIDTH, HEIGHT) for name in IMAGES]))
    project.do(AddClass("fork"))
    project.do(AddClass("hair drier"))
    drawn = [ObjectRecord.drawn(1 + i % 2, 1 + i // 3, shape, "polygon") for i, shape in enumerate(shapes())]
    project.do(AddObjects(drawn))
    export_project(project, folder / "out.json", "coco", ExportOptions())
    export_project(project, folder / "labelme", "labelme", ExportOptions(copy_images=True))

    environment = ["uv", "run", "--no-project", "--isolated", "--python", f"3.{sys.version_info.minor}"]
    environment += [part for reader in READERS for part in ("--with", reader)]
    script = [
        Path(__file__).with_name("readers.py"),
        exchange.images,
        folder / "out.json",
        folder / "labelme",
    ]
    done = subprocess.run(
        [*environment, "python", *map(str, script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])

    for reader in READERS:
        for image_id, name in enumerate(IMAGES, 1):
            expected = [(record.class_id, record.geometry) for record in project.objects(image_id)]
            read = found[reader][name]
            assert [class_name for class_name, _ in read] == [
                ["fork", "hair drier"][class_id - 1] for class_id, _ in expected
            ]
            for (_, geometry), (_, mask) in zip(expected, read, strict=True):
                rle = geometry.to_mask((HEIGHT, WIDTH))
                assert rle is not None
                truth = rles.decode(rle)
                different = truth != unpacked(mask)
                exact = any(part.holes for part in geometry.polygons)  # written as RLE, no matter of taste
                assert not different[~border(truth)].any() and not (exact and different.any()), (reader, name)
