"""Project -> COCO -> project is the identity, for whatever the canvas can make and for every file at hand."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from app.exchange.formats import export_project
from app.exchange.import_command import ImportAnnotations
from app.exchange.options import ExportOptions
from app.project import Geometry, ObjectRecord, Project
from app.project.commands import AddClass, AddImages, AddObjects, NewImage
from app.project.geometry import encode
from zsi_core.coco.source import open_source
from zsi_core.coco.tally import Tally
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part

HEIGHT, WIDTH = 24, 32
DATA_SETS = (
    "coco_boxes_dev_unseen",
    "coco_boxes_train",
    "coco_dev_unseen",
    "coco_train",
    "nuclei_train",
    "steel_train",
    "voc_train",
)

steps = st.integers(-200, 3400)  # hundredths of a pixel, beyond the image as well
points = st.tuples(steps, steps).map(lambda point: (point[0] / 100, point[1] / 100))
rings = st.lists(points, min_size=3, max_size=9).map(lambda ring: np.array(ring))


@st.composite
def holed(draw: st.DrawFn) -> Part:
    x, y = draw(st.integers(0, 10)), draw(st.integers(0, 8))
    side = draw(st.floats(6, 12).map(lambda value: round(value, 2)))
    inner = draw(st.floats(1.5, 3).map(lambda value: round(value, 2)))

    def square(x: float, y: float, side: float) -> np.ndarray:
        return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]])

    return Part(square(x, y, side), (square(x + 1, y + 1.25, inner),))


polygons = st.lists(st.builds(Part, rings) | holed(), min_size=1, max_size=3).map(Geometry.from_parts)
pixels = (
    st.lists(st.booleans(), min_size=24, max_size=24)
    .map(lambda bits: np.kron(np.array(bits).reshape(4, 6), np.ones((5, 4), bool)).astype(bool))
    .filter(lambda mask: mask.any())
    .map(lambda mask: Geometry.from_mask(rles.encode(np.pad(mask, ((2, 2), (4, 4))))))
)
boxes = st.tuples(points, points).map(
    lambda corners: Geometry.from_box((*np.min(corners, axis=0), *np.max(corners, axis=0)))
)


@contextmanager
def project(folder: str, name: str) -> Iterator[Project]:
    path = Path(folder, f"{name}.zsip")
    with Project.create(path, Path(folder)) as made:
        yield made


def copy_of(source: Project, target: Project, file: Path, options: ExportOptions) -> Tally:
    """Export one project and import the file into another."""
    export_project(source, file, "coco", options)
    tally = Tally()
    target.do(ImportAnnotations(open_source(file), file.parent, tally))
    return tally


def content(of: Project) -> dict[str, Any]:
    return {
        item.uuid: (
            item.image_id,
            item.class_id,
            item.coco_id,
            item.state,
            item.iscrowd,
            encode(item.geometry),
        )
        for image_id in of.image_ids()
        for item in of.objects(image_id)
    }


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(polygons | pixels | boxes, st.booleans()), min_size=1, max_size=5), st.booleans())
def test_whatever_the_canvas_makes_comes_back(shapes: list[tuple[Geometry, bool]], force_rle: bool) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        project(folder, "a") as first,
        project(folder, "b") as second,
    ):
        first.do(AddImages([NewImage(Path(folder, "1.jpg"), WIDTH, HEIGHT)]))
        first.do(AddClass("fork"))
        first.do(
            AddObjects([ObjectRecord.drawn(1, 1, shape, "brush", iscrowd=crowd) for shape, crowd in shapes])
        )
        file = Path(folder, "out.json")
        tally = copy_of(first, second, file, ExportOptions(force_rle=force_rle))
        assert (dict(tally.changed), dict(tally.skipped)) == ({}, {})
        before, after = content(first), content(second)
        assert before.keys() == after.keys()
        coco = COCO(str(file))
        for item in first.objects(1):
            exact = not (force_rle or item.iscrowd) or item.geometry.mask is not None
            holes = any(part.holes for part in item.geometry.polygons)
            covers = item.geometry.is_box or bool(rles.areas([item.geometry.to_mask((HEIGHT, WIDTH))])[0])
            if (exact or holes or item.geometry.is_box) and covers:
                assert after[item.uuid] == before[item.uuid]
            mask = item.geometry.to_mask((HEIGHT, WIDTH))
            if mask is not None:
                entry = coco.anns[item.coco_id]
                assert (coco.annToMask(entry) == rles.decode(mask)).all()
                if covers:
                    assert entry["area"] == rles.areas([mask])[0]
                    assert entry["bbox"] == coco_mask.toBbox(mask).tolist()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 35), st.floats(-3, 27)), min_size=3, max_size=9))
@example([(0.0, 2.0), (0.0, 4.0), (4.0, 0.09765625)])  # the tip is thinner than a pixel
def test_polygons_finer_than_the_project_stay_within_a_pixel(ring: list[tuple[float, float]]) -> None:
    flat = [coordinate for point in ring for coordinate in point]
    original = rles.decode(rles.union(coco_mask.frPyObjects([flat], HEIGHT, WIDTH)))
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [flat], "iscrowd": 0}
    image = {"id": 1, "file_name": "1.jpg", "width": WIDTH, "height": HEIGHT}
    with tempfile.TemporaryDirectory() as folder, project(folder, "a") as made:
        file = Path(folder, "in.json")
        file.write_text(json.dumps({"images": [image], "annotations": [annotation]}))
        made.do(ImportAnnotations(open_source(file), file.parent, Tally()))
        [item] = made.objects(1)
        mask = item.geometry.to_mask((HEIGHT, WIDTH))
        assert mask is not None
        outline = shapely.LineString([*ring, ring[0]])
        ys, xs = np.nonzero(original != rles.decode(mask))
        assert (shapely.distance(shapely.box(xs, ys, xs + 1, ys + 1), outline) <= 1).all()
        export_project(made, Path(folder, "out.json"), "coco", ExportOptions())
        assert json.loads(Path(folder, "out.json").read_text())["annotations"][0]["segmentation"] == [flat]


@pytest.mark.shared
@pytest.mark.parametrize("name", DATA_SETS)
def test_data_sets_come_back_as_they_were(test_data: Path, tmp_path: Path, name: str) -> None:
    file = test_data / name / "annotations.json"
    with Project.create(tmp_path / "p.zsip", file.parent / "images") as made:
        tally = Tally()
        made.do(ImportAnnotations(open_source(file), file.parent / "images", tally))
        assert tally.lines() == []
        export_project(made, tmp_path / "out.json", "coco", ExportOptions(provenance=False))
    given, written = (json.loads(path.read_text()) for path in (file, tmp_path / "out.json"))
    for key in ("images", "annotations", "categories", "licenses"):
        before, after = ({entry["id"]: entry for entry in content[key]} for content in (given, written))
        # A category without supercategory gets an empty one; nothing else is different.
        added = {"supercategory": ""} if key == "categories" else {}
        assert after == {entry_id: {**added, **entry} for entry_id, entry in before.items()}
    assert written["info"] == given["info"]
