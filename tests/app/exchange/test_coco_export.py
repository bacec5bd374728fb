"""What the project writes as COCO: every fault of other tools is a test here."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from app.exchange.formats import export_project
from app.exchange.options import ExportOptions
from app.project import Geometry, ObjectRecord
from app.project.commands import (
    AddClass,
    AddImages,
    AddObjects,
    DeleteClass,
    DeleteObjects,
    NewImage,
    SetGeometry,
    SetImageState,
    SetInfo,
    SetState,
)
from tests.app.exchange.conftest import Exchange, annotation, document
from zsi_core.coco import validate
from zsi_core.errors import AnnotationError
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part


def ring(x: float, y: float, width: float, height: float) -> np.ndarray:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=float)


def polygon(*rings: np.ndarray) -> Geometry:
    return Geometry.from_parts([Part(outline) for outline in rings])


def add(exchange: Exchange, geometry: Geometry, **changes: Any) -> ObjectRecord:
    record = ObjectRecord.drawn(1, 1, geometry, "polygon", **changes)
    exchange.project.do(AddObjects([record]))
    return record


def proposal(state: str, score: float = 0.51239, x: float = 1) -> ObjectRecord:
    made_by = {"model": "starter", "name": "fork", "score": score, "threshold": 0.3}
    provenance = {"state": state, "made_by": made_by, "created": "2026-01-01T00:00:00+00:00"}
    return ObjectRecord.of_provenance(1, 1, polygon(ring(x, 1, 4, 4)), provenance)


@pytest.fixture
def started(exchange: Exchange) -> Exchange:
    exchange.start()
    return exchange


def only(written: dict[str, Any]) -> dict[str, Any]:
    [found] = written["annotations"]
    return found


def test_area_and_box_are_those_of_pycocotools(started: Exchange) -> None:
    started.project.do(AddImages([NewImage(started.images / "large.jpg", 300, 200)]))
    square = ObjectRecord.drawn(3, 1, polygon(ring(20, 30, 100, 100)), "polygon")
    started.project.do(AddObjects([square]))
    found = only(started.write())
    assert (found["area"], found["bbox"]) == (10_000, [20, 30, 100, 100])
    [encoded] = coco_mask.frPyObjects(found["segmentation"], 200, 300)
    assert coco_mask.area(encoded) == 10_000
    assert coco_mask.toBbox(encoded).tolist() == [20, 30, 100, 100]


def test_hole_is_written_as_rle_and_stays_a_hole(started: Exchange) -> None:
    add(started, Geometry.from_parts([Part(ring(0, 0, 20, 20), (ring(5, 5, 10, 10),))]))
    found = only(started.write())
    assert (found["area"], found["iscrowd"]) == (300, 0)
    assert coco_mask.decode(found["segmentation"]).sum() == 300


def test_object_of_several_parts_is_one_annotation(started: Exchange) -> None:
    add(started, polygon(ring(1, 1, 4, 4), ring(20, 20, 4, 4)))
    found = only(started.write())
    assert (len(found["segmentation"]), found["area"], found["bbox"]) == (2, 32, [1, 1, 23, 23])


def test_mask_without_a_hole_becomes_exact_polygons(started: Exchange) -> None:
    pixels = np.zeros((30, 40), bool)
    pixels[3:9, 5:8] = pixels[8, 8:12] = True
    add(started, Geometry.from_mask(rles.encode(pixels)))
    found = only(started.write())
    assert isinstance(found["segmentation"], list)
    encoded = coco_mask.merge(coco_mask.frPyObjects(found["segmentation"], 30, 40))
    assert (coco_mask.decode(encoded) == pixels).all()


def test_everything_as_rle_on_request(started: Exchange) -> None:
    add(started, polygon(ring(1, 1, 4, 4)))
    assert coco_mask.decode(only(started.write(force_rle=True))["segmentation"]).sum() == 16


def test_crowds(started: Exchange) -> None:
    add(started, polygon(ring(1, 1, 4, 4)), iscrowd=True)
    found = only(started.write())
    assert found["iscrowd"] == 1 and type(found["iscrowd"]) is int
    assert isinstance(found["segmentation"], dict)


def test_object_with_a_box_alone(started: Exchange) -> None:
    add(started, Geometry.from_box((1.5, 2, 10, 12)))
    found = only(started.write())
    assert (found["segmentation"], found["bbox"], found["area"]) == ([], [1.5, 2, 8.5, 10], 85)


def test_object_that_covers_no_pixel_is_not_lost(started: Exchange) -> None:
    add(started, polygon(ring(3.1, 3.1, 0.2, 0.3)))
    found = only(started.write())
    assert (found["area"], found["bbox"]) == (0.06, [3.1, 3.1, 0.2, 0.3])
    assert sum(started.tally.noted.values()) == 1


def test_images_without_objects_and_sub_folders_are_listed(started: Exchange) -> None:
    written = started.write()
    assert [image["file_name"] for image in written["images"]] == ["a/1.jpg", "b/1.jpg"]
    assert written["annotations"] == []
    assert started.tally.totals == "2 images, 0 objects, 1 class"


def test_accepted_corrected_and_drawn_objects_by_default(started: Exchange) -> None:
    states = ("proposed", "accepted", "corrected", "rejected")
    started.project.do(AddObjects([proposal(state, x=i * 6) for i, state in enumerate(states)]))
    add(started, polygon(ring(25, 1, 4, 4)))
    written = started.write()["annotations"]
    assert [entry["zsi"]["state"] for entry in written] == ["accepted", "corrected", "drawn"]
    assert sum(started.tally.noted.values()) == 2
    [rejected] = started.write(states=("rejected",))["annotations"]
    assert rejected["zsi"]["state"] == "rejected"


def test_scores_and_provenance_are_optional(started: Exchange) -> None:
    started.project.do(AddObjects([proposal("accepted")]))
    found = only(started.write())
    assert found["score"] == 0.5124
    assert found["zsi"]["made_by"]["model"] == "starter"
    assert not {"score", "zsi"} & only(started.write(scores=False, provenance=False)).keys()


def test_ids_stay_when_other_things_go(started: Exchange) -> None:
    started.project.do(AddClass("spoon"))
    for i in range(3):
        record = ObjectRecord.drawn(2, 2, polygon(ring(i * 5, 1, 4, 4)), "polygon")
        started.project.do(AddObjects([record]))
    before = started.write()
    removed = [item.uuid for item in started.objects()][:1]
    started.project.do(DeleteObjects(removed))
    started.project.do(DeleteClass(1))
    started.project.do(AddClass("knife"))
    after = started.write()
    assert after["annotations"] == before["annotations"][1:]
    assert [(entry["id"], entry["name"]) for entry in after["categories"]] == [(2, "spoon"), (3, "knife")]
    assert after["images"] == before["images"]


def test_info_and_licences_are_the_users(started: Exchange) -> None:
    licenses = [{"id": 5, "name": "CC0", "url": "u"}]
    started.project.do(SetInfo({"description": "mine"}, licenses))
    outside = NewImage(started.images / "c.jpg", 8, 8, license=5)
    nowhere = NewImage(started.images / "d.jpg", 8, 8, license=9)
    started.project.do(AddImages([outside, nowhere]))
    written = started.write()
    assert (written["info"], written["licenses"]) == ({"description": "mine"}, licenses)
    assert [image.get("license") for image in written["images"]] == [None, None, 5, None]
    assert sum(started.tally.changed.values()) == 1


def test_unedited_object_of_a_file_keeps_its_values(exchange: Exchange) -> None:
    # COCO's own areas and boxes are not those of the mask.
    values = {"segmentation": [[5.123, 5, 15, 5, 15, 15.5]], "area": 77.5, "bbox": [5.1, 4.9, 9.9, 10.7]}
    exchange.read(document(annotation(**values, score=0.25, attributes={"blurred": True})))
    found = only(exchange.write(provenance=False))
    assert found == annotation(**values, score=0.25, attributes={"blurred": True})


def test_edited_object_of_a_file_is_measured(exchange: Exchange) -> None:
    exchange.read(document(annotation(area=77.5)))
    [item] = exchange.objects()
    exchange.project.do(SetGeometry({item.uuid: polygon(ring(5, 5, 20, 10))}, "vertex"))
    found = only(exchange.write())
    assert (found["id"], found["area"], found["bbox"]) == (1, 200, [5, 5, 20, 10])


def test_accepted_object_of_a_file_is_measured(exchange: Exchange) -> None:
    zsi = {**proposal("proposed").provenance}
    exchange.read(document(annotation(area=77.5, zsi=zsi)))
    [item] = exchange.objects()
    exchange.project.do(SetState([item.uuid], "accepted"))
    assert only(exchange.write())["area"] == 100


def test_training_and_validation_set(started: Exchange) -> None:
    paths = [started.images / f"{i}.jpg" for i in range(200)]
    started.project.do(AddImages([NewImage(path, 8, 8) for path in paths]))
    tally, files = export_project(
        started.project, started.folder / "all.json", "coco", ExportOptions(val_percent=20)
    )
    assert [file.name for file in files] == ["all_train.json", "all_val.json"]
    names = [{image["file_name"] for image in json.loads(file.read_text())["images"]} for file in files]
    assert len(names[0] | names[1]) == len(names[0]) + len(names[1]) == tally.images == 202
    assert 20 <= len(names[1]) <= 60
    # More images later do not move any from one set to the other.
    started.project.do(AddImages([NewImage(started.images / "new.jpg", 8, 8)]))
    export_project(started.project, started.folder / "all.json", "coco", ExportOptions(val_percent=20))
    again = {image["file_name"] for image in json.loads(files[1].read_text())["images"]}
    assert names[1] == again - {"new.jpg"}


def test_images_are_copied_on_request(started: Exchange) -> None:
    target = started.folder / "copy" / "out.json"
    export_project(started.project, target, "coco", ExportOptions(copy_images=True))
    assert [entry["file_name"] for entry in json.loads(target.read_text())["images"]] == [
        "a/1.jpg",
        "b/1.jpg",
    ]
    assert validate(target, target.parent / "images") == []


def test_image_outside_of_the_folder_and_image_without_size(started: Exchange) -> None:
    elsewhere = started.folder / "elsewhere" / "1.jpg"
    elsewhere.parent.mkdir()
    Image.new("RGB", (9, 8)).save(elsewhere)
    started.project.do(AddImages([elsewhere, started.images / "missing.jpg"]))
    written = started.write()
    outside = next(image for image in written["images"] if image["file_name"].startswith("outside/"))
    assert (outside["width"], outside["height"]) == (9, 8)
    assert len(written["images"]) == 3
    assert (sum(started.tally.changed.values()), sum(started.tally.skipped.values())) == (1, 1)


def test_marks_of_images_come_back(started: Exchange) -> None:
    started.project.do(SetImageState([2], finished=True))
    written = started.write()
    assert [image.get("zsi") for image in written["images"]] == [
        None,
        {"finished": True, "labelled_completely": False},
    ]


def test_stopped_export_leaves_the_former_file(started: Exchange) -> None:
    (started.folder / "out.json").write_text("former")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_project(started.project, started.folder / "out.json", "coco", ExportOptions(), stop)
    assert (started.folder / "out.json").read_text() == "former"
    assert not [path for path in started.folder.iterdir() if path.suffix == ".part"]


def test_target_that_cannot_be_written(started: Exchange) -> None:
    (started.folder / "file").touch()
    with pytest.raises(AnnotationError, match="cannot be written"):
        started.write("file/out.json")


def test_detection_results(started: Exchange, capsys: pytest.CaptureFixture[str]) -> None:
    started.project.do(AddObjects([proposal("proposed", 0.9), proposal("accepted", 0.5, 8)]))
    add(started, polygon(ring(25, 1, 4, 4)))
    started.write(states=("proposed", "accepted", "drawn"))
    truth = COCO(str(started.folder / "out.json"))
    started.write("results.json", "results", states=("proposed", "accepted", "drawn"))
    loaded = truth.loadRes(str(started.folder / "results.json"))
    assert [entry["score"] for entry in loaded.dataset["annotations"]] == [0.9, 0.5]
    assert [loaded.annToMask(entry).sum() for entry in loaded.dataset["annotations"]] == [16, 16]
    assert sum(started.tally.skipped.values()) == 1


def test_detection_results_without_any(started: Exchange) -> None:
    with pytest.raises(AnnotationError, match="has a score"):
        started.write("results.json", "results")
    assert not (started.folder / "results.json").exists()


def test_written_file_is_sound_for_pycocotools(
    exchange: Exchange, capsys: pytest.CaptureFixture[str]
) -> None:
    exchange.read(document(annotation(1), annotation(2, segmentation=[]), annotation(3, iscrowd=1)))
    exchange.write()
    assert validate(exchange.folder / "out.json", exchange.images) == []
    coco = COCO(str(exchange.folder / "out.json"))
    assert coco.getImgIds() == [1, 2] and sorted(coco.getCatIds()) == [4, 7]
    assert coco.annToMask(coco.anns[1]).sum() == 100
