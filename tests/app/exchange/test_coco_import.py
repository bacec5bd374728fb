"""COCO files of unknown origin: what makes sense comes in, the rest is told, and nothing by halves."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.exchange import import_command
from app.project import CommandError, Geometry, ObjectRecord
from app.project.commands import AddClass, AddImages, AddObjects, NewImage
from app.project.palette import PALETTE
from tests.app.exchange.conftest import HEIGHT, SQUARE, WIDTH, Exchange, annotation, document
from zsi_core.coco import mend
from zsi_core.coco.mend import Mender
from zsi_core.coco.source import open_source
from zsi_core.coco.tally import Tally
from zsi_core.errors import AnnotationError
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part

PIXELS = np.zeros((HEIGHT, WIDTH), bool)
PIXELS[2:9, 3:20] = True
PIXELS[4:6, 5:9] = False
MASK = rles.encode(PIXELS)
RUNS = {"size": [HEIGHT, WIDTH], "counts": rles.to_counts(MASK).tolist()}


def by_id(entries: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {entry["id"]: entry for entry in entries}


def test_everything_comes_in_and_out_again(exchange: Exchange) -> None:
    objects = [
        annotation(12, segmentation=[*SQUARE, [20, 20, 24.25, 20, 24, 24]], bbox=[5, 5, 19.25, 19]),
        annotation(900100000001, segmentation=RUNS, iscrowd=1, area=111, bbox=[3, 2, 17, 7]),
        annotation(14, segmentation=MASK, area=111, bbox=[3, 2, 17, 7], category_id=4),
        annotation(15, segmentation=[], keypoints=[1, 2, 3]),
    ]
    given = document(*objects)
    tally = exchange.read(given)
    assert (tally.totals, tally.lines()) == ("2 images, 4 objects, 2 classes", [])
    written = exchange.write(provenance=False)
    for key in ("images", "annotations", "categories", "licenses"):
        assert by_id(written[key]) == by_id(given[key])
    assert written["info"] == given["info"]


def test_objects_that_are_no_crowd_are_read_with_all_their_rings(exchange: Exchange) -> None:
    exchange.read(document(annotation(segmentation=[*SQUARE, [20, 20, 24, 20, 24, 24]])))
    [item] = exchange.objects()
    assert (len(item.geometry.parts), item.iscrowd, item.state) == (2, False, "drawn")


def test_unknown_keys_survive_wherever_they_stand(exchange: Exchange) -> None:
    further = {"videos": [{"id": 1, "name": "a"}], "type": "instances", "tool": {"version": [1, 2.5, None]}}
    given = document(annotation(track_id=7, attributes={"blurred": True}), **further)
    given["images"][0]["date_captured"], given["categories"][0]["color"] = "2013-11-14", [1, 2, 3]
    assert exchange.read(given).lines() == []
    written = exchange.write(provenance=False)
    assert {key: written[key] for key in further} == further
    for key in ("images", "annotations", "categories"):
        assert by_id(written[key]) == by_id(given[key])
    exchange.project.undo()
    assert exchange.project.extra() == {}


def test_unknown_keys_of_two_files(exchange: Exchange) -> None:
    exchange.read(document(videos=[1], type="instances"))
    assert exchange.read(document(videos=[1], extras=2)).lines() == []
    assert [line for line in exchange.read(document(videos=[3])).lines() if "videos" in line]
    written = exchange.write()
    assert (written["videos"], written["type"], written["extras"]) == ([1], "instances", 2)


def test_unknown_keys_that_no_file_can_hold(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mend, "MAX_EXTRA", 1000)
    given = document(long=list(range(1000)), short=[1], deep=1)
    path = exchange.save(
        json.dumps(given).replace('"deep": 1', f'"deep": {"[" * 60}{"]" * 60}, "far": 1e999')
    )
    tally = exchange.read(path)
    assert (sum(tally.changed.values()), sum(tally.skipped.values())) == (2, 1)
    assert exchange.project.extra() == {"short": [1]}


def test_colours_and_keys_of_classes_travel(
    exchange: Exchange, make_exchange: Callable[[str], Exchange]
) -> None:
    exchange.project.do(AddClass("fork", color="#123456", hotkey="7"))
    exchange.project.do(AddClass("cup", color="#abcdef", hotkey=""))
    exchange.project.do(AddClass("spoon", color="#000000", hotkey="3"))
    exchange.project.do(AddImages([NewImage(exchange.images / "a" / "1.jpg", WIDTH, HEIGHT)]))
    written = exchange.write()
    other = make_exchange("other")
    other.project.do(AddClass("knife", hotkey="3"))
    other.read(written)
    looks = {record.name: (record.color, record.hotkey) for record in other.project.classes()}
    assert looks["fork"] == ("#123456", "7")
    assert looks["cup"] == ("#abcdef", "")
    assert looks["knife"][1] == "3"
    assert looks["spoon"] == ("#000000", "1")  # its key is taken
    assert [record.extra for record in other.project.classes()] == [{}] * 4
    assert all("zsi" not in entry for entry in exchange.write(provenance=False)["categories"])


@pytest.mark.parametrize(
    "look",
    [
        {"color": "red", "hotkey": "1"},
        {"color": "#123456", "hotkey": "12"},
        {"color": None, "hotkey": ["1"]},
        {"color": "#123456"},
        "#123456",
    ],
)
def test_looks_that_make_no_sense_are_passed_on(exchange: Exchange, look: Any) -> None:
    exchange.read(document(categories=[{"id": 7, "name": "fork", "zsi": look}]))
    [fork] = exchange.project.classes()
    assert fork.color in PALETTE
    assert exchange.write(provenance=False)["categories"][0]["zsi"] == look


def test_one_step_of_undo(exchange: Exchange) -> None:
    exchange.start()
    exchange.read(
        document(
            annotation(),
            annotation(2, category_id=4),
            images=[
                *document()["images"],
                {"id": 9, "file_name": "new.jpg", "width": 8, "height": 8},
            ],
        )
    )
    assert exchange.project.undo_label() == "Import in.json"
    exchange.project.undo()
    assert (exchange.objects(), exchange.project.image_count()) == ([], 2)
    assert [record.name for record in exchange.project.classes()] == ["fork"]
    exchange.project.redo()
    assert (len(exchange.objects()), exchange.project.image_count()) == (2, 3)


def test_classes_are_matched_by_name_and_images_by_path(exchange: Exchange) -> None:
    exchange.start()
    exchange.project.do(AddClass("spoon"))
    given = document(
        annotation(category_id=5), categories=[{"id": 5, "name": "  FORK"}, {"id": 1, "name": "cup"}]
    )
    given["images"][0]["id"], given["annotations"][0]["image_id"] = 70, 70
    tally = exchange.read(given)
    [item] = exchange.objects()
    assert (item.image_id, item.class_id) == (1, 1)
    assert [record.name for record in exchange.project.classes()] == ["fork", "spoon", "cup"]
    assert (len(tally.changed), len(tally.noted)) == (0, 2)


def test_a_file_that_is_read_twice_adds_nothing(exchange: Exchange) -> None:
    given = document(annotation(), annotation(2, segmentation=MASK), annotation(3))
    assert exchange.read(given).objects == 3  # doubles of the file stay
    tally = exchange.read(given)
    assert (tally.objects, tally.skipped[import_command.THERE]) == (0, 3)
    own = exchange.write()
    assert exchange.read(own).objects == 0
    assert len(exchange.objects()) == 3


FAULTS: list[tuple[dict[str, Any], int, int, int]] = [
    # changes of the annotation, objects, changed, left out
    ({"id": "abc"}, 1, 1, 0),
    ({"id": None}, 1, 1, 0),
    ({"id": 2**63}, 1, 1, 0),
    ({"id": "12", "image_id": "1", "category_id": 7.0}, 1, 0, 0),
    ({"image_id": 99}, 0, 0, 1),
    ({"image_id": [1]}, 0, 0, 1),
    ({"category_id": 99}, 1, 1, 0),
    ({"category_id": None}, 1, 1, 0),
    ({"bbox": None}, 1, 1, 0),
    ({"bbox": [1, 2, -3, 4]}, 1, 1, 0),
    ({"bbox": [1, 2, 3]}, 1, 1, 0),
    ({"bbox": [1, 2, -3, 4], "segmentation": []}, 1, 1, 0),
    ({"bbox": None, "segmentation": []}, 0, 0, 1),
    ({"bbox": [1, 2, 1e9, 4], "segmentation": None}, 0, 0, 1),
    ({"area": -1}, 1, 1, 0),
    ({"area": "1"}, 1, 1, 0),
    ({"iscrowd": True}, 1, 1, 0),
    ({"iscrowd": [0]}, 1, 1, 0),
    ({"segmentation": SQUARE[0]}, 1, 1, 0),
    ({"segmentation": [[1, 1, 5, 5]]}, 1, 1, 0),
    ({"segmentation": [[1, 1, 5, 5, 9]]}, 1, 1, 0),
    ({"segmentation": [*SQUARE, [1, 1, 5, 5]]}, 1, 1, 0),
    ({"segmentation": [*SQUARE, "a"]}, 1, 0, 0),
    ({"segmentation": [[1, 1, 5, 5, 1e300, 5]]}, 1, 1, 0),
    ({"segmentation": [[1, 1, 5, 5, 10**400, 5]]}, 1, 1, 0),
    ({"segmentation": "polygon"}, 1, 1, 0),
    ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": "not RLE"}}, 1, 1, 0),
    ({"segmentation": {"size": [WIDTH, HEIGHT], "counts": MASK["counts"]}}, 1, 1, 0),
    ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": [1, 2, 3]}}, 1, 1, 0),
    ({"segmentation": {"counts": []}}, 1, 1, 0),
    ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}}, 1, 0, 0),
    ({"segmentation": {**MASK, "by": "x", "weight": float("inf")}}, 1, 1, 0),
    ({"zsi": {"state": "drawn"}}, 1, 1, 0),
    ({"zsi": 5}, 1, 1, 0),
    ({"attributes": {"deep": [[[1e999]]]}}, 1, 1, 0),
]


@pytest.mark.parametrize(("changes", "objects", "changed", "skipped"), FAULTS)
def test_faults_of_an_annotation(
    exchange: Exchange, changes: dict[str, Any], objects: int, changed: int, skipped: int
) -> None:
    text = json.dumps(document(annotation(**changes), annotation(500))).replace("Infinity", "1e999")
    tally = exchange.read(exchange.save(text))
    assert tally.objects == objects + 1
    assert (sum(tally.changed.values()), sum(tally.skipped.values())) == (changed, skipped), tally.lines()
    assert len(exchange.objects()) == objects + 1
    written = exchange.write()
    assert len(written["annotations"]) == objects + 1


def test_missing_fields(exchange: Exchange) -> None:
    bare = {"image_id": 1, "category_id": 7, "segmentation": SQUARE}
    tally = exchange.read({"images": document()["images"], "annotations": [bare, bare]})
    assert tally.objects == 2
    [found, _] = exchange.write()["annotations"]
    assert (found["area"], found["bbox"], found["iscrowd"]) == (100, [5, 5, 10, 10], 0)
    assert [record.name for record in exchange.project.classes()] == ["category 7"]


def test_images_without_size_get_it_from_the_file(exchange: Exchange) -> None:
    images = [{"id": 1, "file_name": "a/1.jpg"}, {"id": 2, "file_name": "missing.jpg"}]
    tally = exchange.read(document(annotation(), images=images))
    assert [record.size for record in exchange.project.images([1, 2])] == [(HEIGHT, WIDTH), None]
    assert sum(tally.changed.values()) == 1
    assert len(tally.noted) == 2


def test_other_sizes_and_missing_images_are_told(exchange: Exchange) -> None:
    given = document()
    given["images"][0].update(width=HEIGHT, height=WIDTH)
    given["images"][1]["file_name"] = "b/gone.jpg"
    tally = exchange.read(given)
    assert tally.images == 2
    assert [reason.split(":")[0][:40] for reason in tally.noted] == [
        "images whose size is stated before EXIF ",
        f"images that are not in {exchange.images}"[:40],
    ]


def test_images_of_one_id_and_of_one_name(exchange: Exchange) -> None:
    size = {"width": WIDTH, "height": HEIGHT}
    images = [
        {"id": 1, "file_name": "a/1.jpg", **size},
        {"id": 1, "file_name": "b/1.jpg", **size},
        {"id": 3, "file_name": "a//1.jpg", **size},
        {"id": "x", "file_name": "c.jpg", **size},
        {"id": 5, **size},
        "image",
    ]
    objects = [
        annotation(1),
        annotation(2, image_id=3),
        annotation(3, image_id="x"),
        annotation(4, image_id=5),
    ]
    tally = exchange.read(document(*objects, images=images))
    assert {record.name: record.id for record in exchange.project.images([1, 2, 3])} == {
        "a/1.jpg": 1,
        "b/1.jpg": 2,
        "c.jpg": 3,
    }
    assert sorted((item.image_id, item.coco_id) for item in exchange.objects()) == [(1, 1), (1, 2), (3, 3)]
    assert sum(tally.skipped.values()) == 3


def test_categories_of_one_name_and_without_one(exchange: Exchange) -> None:
    categories = [
        {"id": 0, "name": "Fork"},
        {"id": 1, "name": "fork "},
        {"id": 1, "name": "knife"},
        {"id": 2, "name": ""},
        {"id": 4, "name": "?" * 5},
        {"id": 6, "name": "half \ud800"},
        None,
    ]
    objects = [annotation(i, category_id=i, segmentation=[]) for i in (0, 1, 2, 4, 6)]
    exchange.read(document(*objects, categories=categories))
    names = {record.id: record.name for record in exchange.project.classes()}
    assert [names[item.class_id] for item in sorted(exchange.objects(), key=lambda item: item.coco_id)] == [
        "Fork",
        "Fork",
        "category 2",
        "category 4",
        "half ?",
    ]
    assert set(names.values()) == {"Fork", "knife", "category 2", "category 4", "half ?"}


HOSTILE = {
    "truncated": b'{"images": [{"id": 1, "file_na',
    "not UTF-8": b'{"images": "\xff"}',
    "deeply nested": b'{"images": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NaN": b'{"images": [], "annotations": [NaN]}',
    "endless number": b'{"images": ' + b"1" * 10_000 + b"}",
    "no file": None,
    "list": b"[]",
    "no images": b'{"images": [], "annotations": []}',
    "wrong kind": b'{"images": {"a": 1}}',
    "labels of another tool": b'{"shapes": []}',
    "path that leads out": b'{"images": [{"id": 1, "file_name": "../../1.jpg", "width": 5, "height": 5}]}',
    "absolute path": b'{"images": [{"id": 1, "file_name": "/etc/passwd", "width": 5, "height": 5}]}',
    "drive": b'{"images": [{"id": 1, "file_name": "C:\\\\a.jpg", "width": 5, "height": 5}]}',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused_whole(exchange: Exchange, content: bytes | None) -> None:
    path = exchange.folder / "hostile.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AnnotationError) as caught:
        exchange.read(path)
    assert str(path) in str(caught.value)
    assert (exchange.project.image_count(), exchange.project.undo_label()) == (0, None)


def test_absolute_names_below_the_image_folder(exchange: Exchange) -> None:
    given = document(annotation())
    given["images"][0]["file_name"] = str(exchange.images / "a" / "1.jpg")
    assert sum(exchange.read(given).changed.values()) == 1
    assert exchange.project.image(1).name == "a/1.jpg"


def test_a_file_does_not_go_into_memory(exchange: Exchange) -> None:
    outline = [[round(20 + 5 * math.cos(i / 100), 2) for i in range(628)]]
    path = exchange.save(document(*(annotation(i, segmentation=outline) for i in range(1, 1000))))
    mender = Mender(open_source(path), Tally())
    tracemalloc.start()
    count = sum(1 for _ in mender.annotations())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 999
    assert peak < path.stat().st_size / 5  # as Python objects it is several times as large


@pytest.mark.parametrize("stop_at", [0, 2000])
def test_stopped_import_leaves_nothing(exchange: Exchange, stop_at: int) -> None:
    def stop(done: int, total: int, doing: str) -> None:
        assert total == 2099
        if done >= stop_at:
            raise KeyboardInterrupt

    objects = [annotation(i) for i in range(1, 2100)]
    with pytest.raises(KeyboardInterrupt):
        exchange.read(document(*objects), progress=stop)
    assert (exchange.project.image_count(), exchange.project.classes()) == (0, [])
    assert exchange.objects() == []


def test_fault_in_the_middle_leaves_nothing(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    original = AddObjects.apply

    def fail_later(command: AddObjects, rows: Any) -> None:
        calls.append(len(command.objects))
        if len(calls) == 2:
            raise CommandError("no")
        original(command, rows)

    monkeypatch.setattr(AddObjects, "apply", fail_later)
    with pytest.raises(CommandError):
        exchange.read(document(*(annotation(i) for i in range(1, 1500))))
    assert len(calls) == 2
    assert (exchange.project.image_count(), exchange.objects()) == (0, [])


def test_provenance_comes_back(exchange: Exchange, make_exchange: Callable[[str], Exchange]) -> None:
    exchange.start()
    geometry = Geometry.from_parts([Part(np.array([[1.0, 1], [9, 1], [9, 9]]))])
    made_by = {"model": "starter", "name": "fork", "score": 0.75, "threshold": 0.3}
    edits = [{"tool": "vertex", "time": "2026-01-02T00:00:00+00:00", "iou_to_proposal": 0.9}]
    provenance = {
        "state": "corrected",
        "made_by": made_by,
        "created": "2026-01-01T00:00:00+00:00",
        "edits": edits,
    }
    record = ObjectRecord.of_provenance(1, 1, geometry, provenance)
    exchange.project.do(AddObjects([record]))
    other = make_exchange("other")
    other.read(exchange.write())
    [item] = other.objects()
    assert item.provenance == record.provenance
    assert other.write() == exchange.write()
