"""Other formats: what they can hold arrives, what they cannot is told, faulty files are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from PIL import Image

from app.exchange.formats import EXPORT_FORMATS, export_project
from app.exchange.import_command import ImportAnnotations
from app.exchange.importing import format_of, open_annotations
from app.exchange.options import ExportOptions
from app.project import Geometry, ObjectRecord
from app.project.commands import AddClass, AddObjects
from tests.app.exchange.conftest import HEIGHT, WIDTH, Exchange
from zsi_core.coco.formats.yolo import joined
from zsi_core.coco.tally import Tally
from zsi_core.errors import AnnotationError
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part, rasterise_rings

SIZE = (HEIGHT, WIDTH)


def ring(x: float, y: float, width: float, height: float) -> np.ndarray:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=float)


HOLED = Geometry.from_parts([Part(ring(1, 1, 10, 10), (ring(3, 3, 4, 4),))])
PARTS = Geometry.from_parts([Part(ring(20, 1, 5, 5)), Part(ring(30.5, 1, 5, 7))])
BOX = Geometry.from_box((14, 14, 22.5, 20))
ABOVE = Geometry.from_parts([Part(ring(8, 8, 6, 6))])


@pytest.fixture
def full(exchange: Exchange) -> Exchange:
    """One object of every kind in the first image; the fourth lies over the first."""
    exchange.start()
    exchange.project.do(AddClass("hair drier"))
    shapes = ((HOLED, 1, False), (PARTS, 2, False), (BOX, 2, False), (ABOVE, 1, True))
    exchange.project.do(
        AddObjects([ObjectRecord.drawn(1, c, shape, "polygon", iscrowd=crowd) for shape, c, crowd in shapes])
    )
    return exchange


def export(exchange: Exchange, format: str, **options: Any) -> tuple[Path, Tally]:
    target = exchange.folder / format
    tally, _ = export_project(exchange.project, target, format, ExportOptions(**options))
    return target, tally


def read(exchange: Exchange, path: Path, format: str | None = None) -> Tally:
    tally = Tally()
    source = open_annotations(path, format, exchange.images, tally)
    exchange.project.do(ImportAnnotations(source, exchange.images, tally))
    return tally


def masks(exchange: Exchange) -> list[tuple[str, np.ndarray | None, tuple[float, ...], bool]]:
    names = {record.id: record.name for record in exchange.project.classes()}
    found = []
    for item in exchange.objects():
        mask = item.geometry.to_mask(SIZE)
        pixels = None if mask is None else rles.decode(mask)
        found.append((names[item.class_id], pixels, item.geometry.box, item.iscrowd))
    return found


def test_labelme_and_back(full: Exchange, make_exchange: Callable[[str], Exchange]) -> None:
    target, tally = export(full, "labelme", copy_images=True)
    document = json.loads((target / "a" / "1.json").read_text())
    assert [shape["shape_type"] for shape in document["shapes"]] == [
        "mask",
        "polygon",
        "polygon",
        "rectangle",
        "polygon",
    ]
    assert (document["imagePath"], document["imageHeight"], document["imageWidth"]) == ("1.jpg", *SIZE)
    assert json.loads((target / "b" / "1.json").read_text())["shapes"] == []
    assert sum(tally.noted.values()) == 4  # who made it
    other = make_exchange("other")
    other.images = target
    read(other, target)
    assert other.project.image_count() == 2
    before = {name: [] for name, *_ in masks(full)}
    for name, pixels, box, crowd in masks(full):
        before[name].append((None if pixels is None else pixels.tobytes(), box, crowd))
    after: dict[str, list[Any]] = {name: [] for name in before}
    for name, pixels, box, crowd in masks(other):
        after[name].append((None if pixels is None else pixels.tobytes(), box, crowd))
    assert {name: sorted(map(repr, found)) for name, found in after.items()} == {
        name: sorted(map(repr, found)) for name, found in before.items()
    }


def test_labelme_without_copies_names_the_images_where_they_are(full: Exchange) -> None:
    target, _ = export(full, "labelme")
    document = json.loads((target / "a" / "1.json").read_text())
    assert (target / "a" / document["imagePath"]).resolve() == (full.images / "a" / "1.jpg").resolve()


def test_labelme_shapes_of_all_kinds(exchange: Exchange) -> None:
    def shape(kind: str, points: Any, **more: Any) -> dict[str, Any]:
        return {"label": "cat", "shape_type": kind, "points": points, "group_id": None, "flags": {}, **more}

    shapes = [
        shape("circle", [[10, 10], [15, 10]]),
        shape("polygon", [[1, 1], [9, 1]]),
        shape("point", [[1, 1]]),
        shape("linestrip", [[1, 1], [2, 2], [3, 1]]),
        shape("mask", [[1, 1], [5, 5]], mask="no picture"),
        shape("mask", [[1, 1], [5, 5]], mask=None),
        shape("polygon", [["a", 1], [9, 1], [2, 2]]),
        shape("polygon", [[100, 100], [109, 100], [109, 109]]),
        {"points": []},
        5,
    ]
    content = {
        "shapes": shapes,
        "imagePath": "..\\elsewhere\\a\\1.jpg",
        "imageWidth": WIDTH,
        "imageHeight": HEIGHT,
    }
    path = exchange.save(content, "images/a/1.json")
    tally = read(exchange, path)
    [item] = exchange.objects()
    assert abs(item.geometry.area - np.pi * 25) < 1
    assert sum(tally.skipped.values()) == 9
    assert exchange.project.image(1).name == "a/1.jpg"


def test_yolo_and_back(full: Exchange, make_exchange: Callable[[str], Exchange]) -> None:
    target, tally = export(full, "yolo", copy_images=True)
    lines = (target / "labels" / "train" / "a" / "1.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["0", "1", "1", "0"]
    assert (target / "labels" / "train" / "b" / "1.txt").read_text() == ""
    assert {reason.split(":")[0] for reason in tally.noted} == {
        "file with class ids of its own",
        "records of who made an object",
        "objects with holes",
        "objects of several parts",
        "objects with a box alone",
        "crowds",
    }
    other = make_exchange("other")
    other.images = target / "images"
    read(other, target)
    filled, parts, box, _ = masks(other)
    assert [filled[0], parts[0], box[0]] == ["fork", "hair drier", "hair drier"]
    assert filled[1] is not None and filled[1].sum() == 100
    original = rles.decode(PARTS.to_mask(SIZE))
    assert parts[1] is not None and (parts[1] != original).sum() <= 8  # the bridge and the rounding
    assert other.project.image_count() == 2


def test_yolo_split(full: Exchange) -> None:
    target, _ = export(full, "yolo", val_percent=50)
    assert (target / "data.yaml").read_text().startswith("train: images/train\nval: images/val\n")
    assert len(list((target / "labels").rglob("*.txt"))) == 2
    assert not (target / "images").exists()


def test_rings_are_joined_without_losing_pixels() -> None:
    rings = [ring(1, 1, 5, 5), ring(20, 2, 6, 9), ring(4, 15, 9, 9)]
    separate = rles.decode(rasterise_rings(rings, SIZE))
    together = np.zeros(SIZE, np.uint8)
    cv2.fillPoly(together, [joined(rings).astype(np.int32)], 1)
    assert together[separate].all()


@pytest.mark.parametrize(
    ("text", "objects", "skipped"),
    [
        ("0 0.5 0.5 0.2 0.2", 1, 0),
        ("0 0.5 0.5 0.2 0.2 0.9", 1, 0),
        ("3 0.1 0.1 0.5 0.1 0.5 0.5\n\n0 0.1 0.1 0.5 0.1 0.5 0.5 0.8", 2, 0),
        ("0 0.1 0.1 0.5", 0, 1),
        ("0 0.1 0.1 nan 0.1 0.5 0.5", 0, 1),
        ("0 10 10 50 10 50 50", 0, 1),
        ("a 0.1 0.1 0.5 0.1 0.5 0.5", 0, 1),
        ("1e400 0.1 0.1 0.5 0.1 0.5 0.5", 0, 1),
        ("0 0.1 0.1 0.1 0.1 0.1 0.1", 0, 1),
    ],
)
def test_lines_of_yolo(exchange: Exchange, text: str, objects: int, skipped: int) -> None:
    (exchange.folder / "labels" / "a").mkdir(parents=True)
    (exchange.folder / "labels" / "a" / "1.txt").write_text(text)
    (exchange.folder / "classes.txt").write_text("cat\ndog\n")
    tally = read(exchange, exchange.folder, "yolo")
    assert (len(exchange.objects()), sum(tally.skipped.values())) == (objects, skipped)
    assert exchange.project.image_count() == 2


def test_yaml_with_endless_names(exchange: Exchange) -> None:
    bombs = "a0: &a0 [x, x, x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
    (exchange.folder / "data.yaml").write_text(bombs + "names: {0: *a59, 1: cat}\n")
    (exchange.folder / "labels").mkdir()
    (exchange.folder / "labels" / "x.txt").write_text("1 0.5 0.5 0.2 0.2")
    tally = read(exchange, exchange.folder)
    assert [record.name for record in exchange.project.classes()] == ["cat"]
    assert sum(tally.skipped.values()) == 1


def test_voc(full: Exchange) -> None:
    target, tally = export(full, "voc", copy_images=True, val_percent=50)
    root = ElementTree.parse(target / "Annotations" / "a" / "1.xml").getroot()
    boxes = [[corner.text for corner in item.find("bndbox") or ()] for item in root.iter("object")]
    assert boxes[0] == ["2", "2", "11", "11"]
    assert [item.findtext("difficult") for item in root.iter("object")] == ["0", "0", "0", "1"]
    with Image.open(target / "SegmentationObject" / "a" / "1.png") as picture:
        numbers = np.asarray(picture)
        assert picture.mode == "P" and picture.getpalette()[3:6] == [128, 0, 0]
    assert sorted(np.unique(numbers)) == [0, 1, 2, 4]
    assert (numbers == 1).sum() == 100 - 16 - 9  # the hole, and the object above
    listed = [
        (target / "ImageSets" / "Segmentation" / f"{name}.txt").read_text().split() for name in ("trainval",)
    ]
    assert listed == [["a/1", "b/1"]]
    assert (target / "JPEGImages" / "b" / "1.jpg").exists()
    assert {"objects that lie over others", "objects with a box alone"} <= {
        reason.split(":")[0] for reason in tally.noted
    }


def test_masks_and_back(full: Exchange, make_exchange: Callable[[str], Exchange]) -> None:
    target, tally = export(full, "masks")
    assert sum(tally.skipped.values()) == 1
    other = make_exchange("other")
    read(other, target)
    before, after = masks(full), masks(other)
    assert [name for name, *_ in after] == ["fork", "hair drier", "fork"]
    assert after[0][1] is not None and after[0][1].sum() == 100 - 16 - 9
    assert (after[1][1] == before[1][1]).all()
    assert (after[2][1] == before[3][1]).all()


def test_plain_masks(exchange: Exchange) -> None:
    folder = exchange.folder / "masks"
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    numbers = np.zeros(SIZE, np.uint8)
    numbers[1:5, 1:5] = numbers[10:12, 10:12] = 2
    numbers[20:25, 5:9] = 1
    numbers[0, :] = 255
    Image.fromarray(numbers).save(folder / "a" / "1.png")
    Image.fromarray(np.where(numbers == 2, 255, 0).astype(np.uint8)).save(folder / "b" / "1.png")
    (folder / "labels.txt").write_text("background\ncat\ndog\n")
    read(exchange, folder)
    assert [name for name, *_ in masks(exchange)] == ["cat", "dog", "dog", "object", "object"]


@pytest.mark.parametrize("format", [name for name, kind in EXPORT_FORMATS.items() if not kind.suffix])
def test_folder_with_something_in_it_is_not_touched(full: Exchange, format: str) -> None:
    (full.folder / format).mkdir()
    (full.folder / format / "mine.txt").touch()
    with pytest.raises(AnnotationError, match="not empty"):
        export(full, format)
    assert [path.name for path in (full.folder / format).iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("format", [name for name, kind in EXPORT_FORMATS.items() if not kind.suffix])
def test_stopped_export_leaves_no_folder(full: Exchange, format: str) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    before = sorted(full.folder.iterdir())
    with pytest.raises(KeyboardInterrupt):
        export_project(full.project, full.folder / format, format, ExportOptions(), stop)
    assert sorted(full.folder.iterdir()) == before


def test_images_that_differ_in_the_suffix_alone(exchange: Exchange) -> None:
    exchange.start()
    Image.new("RGB", (8, 8)).save(exchange.images / "a" / "1.png")
    exchange.read({"images": [{"id": 5, "file_name": "a/1.png", "width": 8, "height": 8}]})
    target, tally = export(exchange, "labelme")
    assert sorted(path.name for path in (target / "a").iterdir()) == ["1.json", "1.png.json"]
    assert sum(tally.changed.values()) == 1


def test_formats_are_found_out(full: Exchange) -> None:
    for format in ("labelme", "yolo", "masks"):
        assert format_of(export(full, format)[0]) == format
    full.write()
    assert format_of(full.folder / "out.json") == "coco"
    assert format_of(full.folder / "labelme" / "a" / "1.json") == "labelme"
    assert format_of(full.folder / "yolo" / "data.yaml") == "yolo"
    (full.folder / "empty").mkdir()
    with pytest.raises(AnnotationError, match="no annotations"):
        format_of(full.folder / "empty")


@pytest.mark.parametrize("format", ["labelme", "yolo", "masks"])
def test_folder_without_labels(exchange: Exchange, format: str) -> None:
    (exchange.folder / "empty").mkdir()
    with pytest.raises(AnnotationError, match="empty"):
        read(exchange, exchange.folder / "empty", format)
    assert exchange.project.image_count() == 0
