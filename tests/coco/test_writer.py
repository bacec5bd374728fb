"""Writing COCO: the faults of other tools, each as a test, and that pycocotools reads what was meant."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from zsi_core.coco import (
    CocoGeometry,
    CocoWriter,
    ProposalRun,
    annotation_rle,
    detection_results,
    read_coco,
    validate,
)
from zsi_core.coco.geometry import MAX_TRACED_RUNS
from zsi_core.coco.provenance import drawn
from zsi_core.coco.writer import write_json
from zsi_core.errors import AnnotationError
from zsi_core.instances import Instances, rle
from zsi_core.instances.polygons import Part

SIZE = (60, 80)
RUN = ProposalRun("starter", "c" * 64, "w" * 64, 0.25, {"forks": "fork"})


def mask_of(*rectangles: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> np.ndarray:
    mask = np.zeros(size, bool)
    for x1, y1, x2, y2 in rectangles:
        mask[y1:y2, x1:x2] = True
    return mask


def square(x: float, y: float, side: float) -> np.ndarray:
    return np.array([(x, y), (x + side, y), (x + side, y + side), (x, y + side)], dtype=np.float64)


def found(*masks: np.ndarray, names: tuple[str, ...] | None = None) -> Instances:
    n = len(masks)
    compressed = tuple(rle.encode(mask) for mask in masks)
    return Instances(
        boxes=rle.boxes(compressed) + np.array([-0.25, -0.25, 0.25, 0.25], np.float32),
        scores=np.linspace(0.9, 0.5, n, dtype=np.float32),
        names=names or ("fork",) * n,
        masks=compressed,
        runner_up_names=("knife",) * n,
        runner_up_scores=np.full(n, 0.125, np.float32),
        region_indices=np.arange(n, dtype=np.int64),
        image_size=SIZE,
    )


def one_annotation(geometry: CocoGeometry, **fields: Any) -> dict[str, Any]:
    writer = CocoWriter(["fork"])
    image_id = writer.add_image("1.jpg", SIZE)
    writer.add_annotation(image_id, "fork", geometry, **fields)
    [annotation] = writer.document["annotations"]
    return annotation


# What other tools get wrong.


def test_square_of_100_pixels_has_area_10000_and_its_box() -> None:
    size = (200, 200)
    for geometry in (
        CocoGeometry.of_mask(rle.encode(mask_of((20, 50, 120, 150), size=size))),
        CocoGeometry.of_parts([Part(square(20, 50, 100))], size),
    ):
        assert geometry.area == 10_000
        assert list(geometry.bbox) == [20, 50, 100, 100]
        assert geometry.segmentation == [[20, 50, 120, 50, 120, 150, 20, 150]]


def test_hole_stays_a_hole() -> None:
    part = Part(square(5, 5, 40), (square(15, 15, 20),))
    from_parts = CocoGeometry.of_parts([part], SIZE)
    from_mask = CocoGeometry.of_mask(rle.encode(mask_of((5, 5, 45, 45)) & ~mask_of((15, 15, 35, 35))))
    assert from_parts == from_mask
    assert from_parts.area == 1200
    assert set(from_parts.segmentation) == {"size", "counts"}
    assert isinstance(from_parts.segmentation["counts"], str)
    assert one_annotation(from_parts)["iscrowd"] == 0


def test_object_of_several_parts_is_one_annotation() -> None:
    annotation = one_annotation(CocoGeometry.of_mask(rle.encode(mask_of((0, 0, 5, 5), (20, 20, 30, 30)))))
    assert len(annotation["segmentation"]) == 2
    assert annotation["area"] == 125
    assert annotation["bbox"] == [0, 0, 30, 30]


def test_iscrowd_is_an_integer() -> None:
    box = CocoGeometry.of_box([0, 0, 5, 5])
    assert type(one_annotation(box)["iscrowd"]) is int
    crowd = one_annotation(box, iscrowd=True)["iscrowd"]
    assert (type(crowd), crowd) == (int, 1)


def test_same_file_name_in_two_folders() -> None:
    writer = CocoWriter()
    ids = [writer.add_image(f"{folder}/1.jpg", SIZE) for folder in ("a", "b")]
    assert ids == [1, 2]
    assert [image["file_name"] for image in writer.document["images"]] == ["a/1.jpg", "b/1.jpg"]
    assert (writer.image_id("b/1.jpg"), writer.image_id("1.jpg")) == (2, None)


def test_images_without_objects_are_listed(tmp_path: Path) -> None:
    writer = CocoWriter(["fork"])
    writer.add_instances(writer.add_image("empty.jpg", SIZE), Instances.empty(SIZE), RUN)
    writer.write(tmp_path / "a.json")
    coco = read_coco(tmp_path / "a.json")
    assert [(image.file_name, image.width, image.height) for image in coco.images] == [("empty.jpg", 80, 60)]
    assert coco.annotations == ()
    assert coco.category_names == {1: "fork"}


def test_category_ids_follow_the_typed_order_and_never_change() -> None:
    writer = CocoWriter(["zebra", "fork", "Zebra "])
    assert [(category["id"], category["name"]) for category in writer.document["categories"]] == [
        (1, "zebra"),
        (2, "fork"),
    ]
    assert writer.category_id("apple") == 3
    assert writer.category_id("FORK") == 2
    with pytest.raises(ValueError, match="must not be empty"):
        writer.category_id("  ")


def test_licenses_point_somewhere() -> None:
    writer = CocoWriter(licenses=[{"id": 4, "name": "CC BY"}])
    writer.add_image("a.jpg", SIZE, license=4)
    assert writer.document["images"][0]["license"] == 4
    with pytest.raises(ValueError, match="license 5 is not"):
        writer.add_image("b.jpg", SIZE, license=5)
    assert writer.image_id("b.jpg") is None


# Values.


@given(arrays(bool, (7, 9)))
def test_any_mask_survives(mask: np.ndarray) -> None:
    if not mask.any():
        with pytest.raises(ValueError, match="at least one pixel"):
            CocoGeometry.of_mask(rle.encode(mask))
        return
    geometry = CocoGeometry.of_mask(rle.encode(mask))
    coco = COCO()
    coco.imgs = {1: {"height": 7, "width": 9}}
    annotation = {"image_id": 1, "segmentation": geometry.segmentation}
    assert (coco.annToMask(annotation) == mask).all()
    assert geometry.area == mask.sum()
    rows, columns = np.nonzero(mask)
    assert list(geometry.bbox) == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    assert {type(value) for value in (geometry.area, *geometry.bbox)} == {int}


@given(st.integers(0, 10**6))
def test_area_and_box_belong_to_the_rounded_coordinates(seed: int) -> None:
    points = np.random.default_rng(seed).uniform(1, 59, (6, 2))
    geometry = CocoGeometry.of_parts([Part(points)], SIZE)
    again = rle.areas([_mask_of_segmentation(geometry.segmentation)])
    assert geometry.area == again[0]
    assert geometry.segmentation == [[round(number, 2) for number in points.ravel().tolist()]]


def _mask_of_segmentation(segmentation: Any) -> rle.Rle:
    from zsi_core.coco.segmentation import segmentation_rle

    mask = segmentation_rle(segmentation, *SIZE)
    assert mask is not None
    return mask


def test_noise_is_written_as_rle() -> None:
    noise = rle.encode(np.random.default_rng(0).random((400, 400)) < 0.02)
    assert len(noise["counts"]) < MAX_TRACED_RUNS
    assert isinstance(CocoGeometry.of_mask(noise).segmentation, list)
    noise = rle.encode(np.random.default_rng(0).random((400, 400)) < 0.5)
    assert CocoGeometry.of_mask(noise).segmentation == noise


def test_box_only() -> None:
    annotation = one_annotation(CocoGeometry.of_box(np.array([1.5, 2, 11.25, 4], np.float32)))
    assert annotation["segmentation"] == []
    assert annotation["bbox"] == [1.5, 2, 9.75, 2]
    assert annotation["area"] == 19.5


def test_instances_with_provenance() -> None:
    writer = CocoWriter(["forks"])
    image_id = writer.add_image("1.jpg", SIZE)
    writer.add_instances(image_id, found(mask_of((3, 4, 13, 24)), names=("forks",)), RUN)
    [annotation] = writer.document["annotations"]
    zsi = annotation.pop("zsi")
    assert annotation == {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "segmentation": [[3, 4, 13, 4, 13, 24, 3, 24]],
        "area": 200,
        "bbox": [3, 4, 10, 20],
        "iscrowd": 0,
        "score": 0.9,
    }
    UUID(zsi.pop("uuid"))
    assert datetime.fromisoformat(zsi.pop("created")).tzinfo is not None
    assert zsi == {
        "state": "proposed",
        "made_by": {
            "model": "starter",
            "checkpoint_sha256": "c" * 64,
            "words_sha256": "w" * 64,
            "name": "forks",
            "resolved_as": "fork",
            "score": 0.9,
            "runner_up": "knife",
            "runner_up_score": 0.125,
            "threshold": 0.25,
        },
        "edits": [],
    }


def test_provenance_of_a_drawn_object() -> None:
    zsi = one_annotation(CocoGeometry.of_box([0, 0, 5, 5]), zsi=drawn("brush"))["zsi"]
    assert set(zsi) == {"uuid", "state", "made_by", "edits", "created"}
    assert (zsi["state"], zsi["made_by"]) == ("drawn", {"tool": "brush"})


def test_scores_and_provenance_are_optional() -> None:
    assert not {"score", "zsi"} & set(one_annotation(CocoGeometry.of_box([0, 0, 5, 5])))


def test_instance_with_an_empty_mask_keeps_its_box() -> None:
    instances = found(mask_of((0, 0, 9, 9)))
    writer = CocoWriter()
    empty = Instances(**{**vars(instances), "masks": (rle.encode(mask_of()),)})
    writer.add_instances(writer.add_image("1.jpg", SIZE), empty)
    [annotation] = writer.document["annotations"]
    assert annotation["segmentation"] == []
    assert annotation["bbox"] == [-0.25, -0.25, 9.5, 9.5]


@pytest.mark.parametrize("name", ["", "/abs.jpg", "../a.jpg", "a/../../b.jpg", "C:/a.jpg", "a\0.jpg"])
def test_names_that_lead_out_of_the_folder_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="file_name must"):
        CocoWriter().add_image(name, SIZE)


@pytest.mark.parametrize("name", ["2024-05-01 12:30:00.jpg", "a..b/..c.jpg", ".hidden/a.jpg", "čaj.jpg"])
def test_unusual_names_are_kept(name: str, tmp_path: Path) -> None:
    writer = CocoWriter()
    writer.add_image(name, SIZE)
    writer.write(tmp_path / "a.json")
    assert read_coco(tmp_path / "a.json").images[0].file_name == name
    assert validate(tmp_path / "a.json") == []


def test_image_listed_twice_and_object_of_no_image() -> None:
    writer = CocoWriter()
    writer.add_image("1.jpg", SIZE)
    with pytest.raises(ValueError, match="already listed"):
        writer.add_image("1.jpg", SIZE)
    with pytest.raises(ValueError, match="image_id 2 is not"):
        writer.add_annotation(2, "fork", CocoGeometry.of_box([0, 0, 5, 5]))


# Files.


def test_written_file_is_valid_and_pycocotools_agrees(tmp_path: Path) -> None:
    masks = [
        mask_of((3, 4, 13, 24)),
        mask_of((0, 0, 30, 30)) & ~mask_of((5, 5, 9, 9)),
        mask_of((79, 59, 80, 60)),
    ]
    writer = CocoWriter(["fork", "čaj"])
    writer.add_image("none.jpg", SIZE)
    writer.add_instances(
        writer.add_image("sub/1.jpg", SIZE), found(*masks, names=("čaj", "fork", "čaj")), RUN
    )
    path = tmp_path / "ünï.json"
    writer.write(path)
    assert validate(path) == []
    independent = COCO(str(path))
    assert [category["name"] for category in independent.loadCats([1, 2])] == ["fork", "čaj"]
    for annotation, mask in zip(independent.loadAnns([1, 2, 3]), masks, strict=True):
        assert (independent.annToMask(annotation) == mask).all()
    for annotation, mask in zip(read_coco(path).annotations, masks, strict=True):
        again = annotation_rle(annotation, *SIZE)
        assert again is not None
        assert (rle.decode(again) == mask).all()


def test_extending_keeps_everything_and_continues_ids(
    document: dict[str, Any], saved: Callable[..., Path]
) -> None:
    document["annotations"][0]["attributes"] = {"occluded": True}
    document["images"][0]["coco_url"] = ""
    document["videos"] = []
    before = json.loads(json.dumps(document))
    writer = CocoWriter.extending(read_coco(saved(document)), ["spoon", "Hair Drier"])
    assert (writer.image_id("a/1.jpg"), writer.category_id("hair drier"), writer.category_id("spoon")) == (
        1,
        4,
        8,
    )
    assert writer.add_image("c.jpg", SIZE) == 3
    assert writer.add_annotation(2, "knife", CocoGeometry.of_box([0, 0, 5, 5])) == 5
    assert writer.category_id("knife") == 9
    after = writer.document
    for key, value in before.items():
        kept = after[key][: len(value)] if isinstance(value, list) else after[key]
        assert kept == value, key
    assert [len(after[key]) for key in ("images", "annotations", "categories")] == [3, 5, 4]


def test_extending_a_file_without_info(saved: Callable[..., Path]) -> None:
    empty = read_coco(saved({"images": [], "annotations": [], "categories": []}))
    assert CocoWriter.extending(empty).add_image("1.jpg", SIZE) == 1


def test_nan_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    for number in (float("nan"), float("inf")):
        with pytest.raises(AnnotationError, match=r"a\.json is not written"):
            write_json(path, {"area": number})
    assert path.read_text() == "old"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"absent.a\.json cannot be written"):
        CocoWriter().write(tmp_path / "absent" / "a.json")


def test_file_names_that_are_no_unicode(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg") if os.name == "posix" else "caf\udce9.jpg"
    writer = CocoWriter()
    writer.add_image(name, SIZE)
    writer.write(tmp_path / "a.json")
    assert read_coco(tmp_path / "a.json").images[0].file_name == name


def test_info_names_the_program_unless_given() -> None:
    assert "ZSI Annotator" in CocoWriter().document["info"]["contributor"]
    assert CocoWriter(info={"description": "mine"}).document["info"] == {"description": "mine"}


# Detection results.


def test_perfect_results_score_one(tmp_path: Path) -> None:
    instances = found(mask_of((3, 4, 13, 24)), mask_of((20, 20, 60, 50)))
    writer = CocoWriter(["fork"])
    image_id = writer.add_image("1.jpg", SIZE)
    writer.add_instances(image_id, instances)
    writer.write(tmp_path / "truth.json")
    write_json(tmp_path / "results.json", detection_results(image_id, instances, {"fork": 1}))
    truth = COCO(str(tmp_path / "truth.json"))
    for kind in ("segm", "bbox"):
        evaluation = COCOeval(truth, truth.loadRes(str(tmp_path / "results.json")), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        assert evaluation.stats[1] == pytest.approx(1)


def test_results_hold_predicted_boxes_and_plain_numbers() -> None:
    [result] = detection_results(5, found(mask_of((3, 4, 13, 24)), names=("Fork",)), {"fork": 2})
    assert json.loads(json.dumps(result)) == result
    assert (result["image_id"], result["category_id"]) == (5, 2)
    assert result["bbox"] == [2.75, 3.75, 10.5, 20.5]
    assert detection_results(5, Instances.empty(SIZE), {}) == []
    with pytest.raises(KeyError):
        detection_results(5, found(mask_of((0, 0, 1, 1))), {"knife": 2})


@pytest.mark.shared
def test_shared_files_pass_through_unchanged(test_data: Path, tmp_path: Path) -> None:
    paths = sorted(test_data.glob("*/annotations.json"))
    assert paths, f"no */annotations.json in {test_data}"
    for path in paths:
        CocoWriter.extending(read_coco(path)).write(tmp_path / "copy.json")
        assert json.loads((tmp_path / "copy.json").read_text()) == json.loads(path.read_text())
