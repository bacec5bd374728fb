"""Validation: every fault is found and placed, nothing crashes it, and what passes can be read."""

from __future__ import annotations

import copy
import json
import math
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from zsi_core.coco import Fault, annotation_rle, read_coco, validate
from zsi_core.coco import check_annotation as check_annotation_module
from zsi_core.coco.faults import Severity
from zsi_core.errors import AnnotationError

Save = Callable[..., Path]
REMOVED = object()


def changed(document: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    target: Any = document
    for key in place[:-1]:
        target = target[key]
    if value is REMOVED:
        del target[place[-1]]
    else:
        target[place[-1]] = value
    return document


def test_a_valid_file_has_no_faults(document: dict[str, Any], saved: Save) -> None:
    assert validate(saved(document)) == []


ERROR, WARNING = Severity.ERROR, Severity.WARNING

# (place, value, where the only fault is reported, part of the line, severity)
FAULTS: list[tuple[tuple[Any, ...], Any, str, str, Severity]] = [
    (("licenses",), {}, "licenses", "must be a list, but is {}", ERROR),
    (("licenses", 0), "CC BY", "licenses[0]", "must be an object, but is 'CC BY'", ERROR),
    (("licenses", 0, "id"), "3", "licenses[0].id", "must be an integer, but is '3'", ERROR),
    (("images", 1, "id"), REMOVED, "images[1].id", "must be an integer, but is missing", ERROR),
    (("images", 1, "id"), 1, "images[1].id", "1 is the id of images[0] as well", ERROR),
    (("images", 1, "file_name"), REMOVED, "images[1].file_name", "is missing", ERROR),
    (("images", 1, "file_name"), "../1.jpg", "images[1].file_name", "without '..'", ERROR),
    (("images", 1, "file_name"), "a/..\\..\\1.jpg", "images[1].file_name", "without '..'", ERROR),
    (("images", 1, "file_name"), "/1.jpg", "images[1].file_name", "not absolute", ERROR),
    (("images", 1, "file_name"), "d:\\1.jpg", "images[1].file_name", "not absolute", ERROR),
    (("images", 1, "file_name"), "1\0.jpg", "images[1].file_name", "NUL", ERROR),
    (("images", 1, "file_name"), "a/1.jpg", "images[1].file_name", "is the name of images[0] as well", ERROR),
    (("images", 1, "file_name"), "A/1.JPG", "images[1].file_name", "only in upper and lower case", WARNING),
    (("images", 1, "width"), 0, "images[1].width", "must be a number of pixels, but is 0", ERROR),
    (("images", 1, "height"), "10", "images[1].height", "must be a number of pixels, but is '10'", ERROR),
    (("images", 1, "width"), 10**9, "images[1]", "1000000000 x 10 pixels are more than", ERROR),
    (("images", 0, "license"), 8, "images[0].license", "8 is not the id of any license", ERROR),
    (("images", 0, "license"), [3], "images[0].license", "[3] is not the id of any license", ERROR),
    (
        ("images", 0, "date"),
        {"a": [1, float("inf")]},
        "images[0].date.a[1]",
        "must be a finite number",
        ERROR,
    ),
    (("info", "year"), float("nan"), "info.year", "must be a finite number, but is nan", ERROR),
    (("licenses", 0, "name"), float("nan"), "licenses[0].name", "must be a finite number", ERROR),
    (("area",), [float("nan")], "area[0]", "must be a finite number", ERROR),
    (("categories", 1, "area"), float("nan"), "categories[1].area", "must be a finite number", ERROR),
    (("categories", 1, "id"), 7, "categories[1].id", "7 is the id of categories[0] as well", ERROR),
    (("categories", 1, "name"), "", "categories[1].name", "must be a class name, but is ''", ERROR),
    (("categories", 1, "name"), "FORK ", "categories[1].name", "is the same class as categories[0]", WARNING),
    (("annotations", 1, "id"), 1, "annotations[1].id", "1 is the id of annotations[0] as well", ERROR),
    (("annotations", 1, "id"), 1.0, "annotations[1].id", "must be an integer, but is 1.0", ERROR),
    (("annotations", 1, "image_id"), 9, "annotations[1].image_id", "9 is not the id of any image", ERROR),
    (("annotations", 1, "image_id"), "1", "annotations[1].image_id", "must be an integer", ERROR),
    (("annotations", 1, "image_id"), [1], "annotations[1].image_id", "must be an integer", ERROR),
    (("annotations", 1, "category_id"), 5, "annotations[1].category_id", "5 is not the id of any", ERROR),
    (("annotations", 1, "bbox"), REMOVED, "annotations[1].bbox", "is missing", ERROR),
    (("annotations", 1, "bbox"), [1, 0, 2], "annotations[1].bbox", "must be [x, y, width, height]", ERROR),
    (
        ("annotations", 1, "bbox"),
        [1, 0, float("nan"), 10],
        "annotations[1].bbox",
        "is [1, 0, nan, 10]",
        ERROR,
    ),
    (("annotations", 1, "bbox"), [3, 10, -2, -10], "annotations[1].bbox", "must be", ERROR),
    (
        ("annotations", 1, "bbox"),
        [1, 0, 18, 10],
        "annotations[1].bbox",
        "the mask's box is [1, 0, 2, 10]",
        WARNING,
    ),
    (("annotations", 3, "bbox"), [1, 1, 0, 5], "annotations[3].bbox", "has no extent", WARNING),
    (("annotations", 3, "bbox"), [30, 1, 5, 5], "annotations[3].bbox", "lies outside of the image", ERROR),
    (("annotations", 3, "bbox"), [-9, 1, 5, 5], "annotations[3].bbox", "lies outside of the image", ERROR),
    (("annotations", 3, "bbox"), [15, 1, 9, 5], "annotations[3].bbox", "reaches 4.0 px beyond", WARNING),
    (("annotations", 3, "bbox"), [-3, 1, 9, 5], "annotations[3].bbox", "reaches 3.0 px beyond", WARNING),
    (("annotations", 1, "area"), REMOVED, "annotations[1].area", "is missing", ERROR),
    (("annotations", 1, "area"), -20, "annotations[1].area", "must be a number of pixels", ERROR),
    (("annotations", 1, "area"), float("inf"), "annotations[1].area", "must be a number of pixels", ERROR),
    (("annotations", 1, "area"), 10**400, "annotations[1].area", "must be a number of pixels", ERROR),
    (
        ("annotations", 1, "area"),
        100,
        "annotations[1].area",
        "is 100, but the mask covers 20 pixels",
        WARNING,
    ),
    (("annotations", 1, "iscrowd"), False, "annotations[1].iscrowd", "integer 0 or 1, but is False", ERROR),
    (("annotations", 1, "iscrowd"), 0.0, "annotations[1].iscrowd", "integer 0 or 1, but is 0.0", ERROR),
    (("annotations", 1, "iscrowd"), "0", "annotations[1].iscrowd", "integer 0 or 1, but is '0'", ERROR),
    (("annotations", 1, "iscrowd"), 2, "annotations[1].iscrowd", "integer 0 or 1, but is 2", ERROR),
    (("annotations", 1, "iscrowd"), REMOVED, "annotations[1].iscrowd", "is missing", WARNING),
    (("annotations", 1, "segmentation"), REMOVED, "annotations[1].segmentation", "is missing", WARNING),
    (
        ("annotations", 0, "segmentation"),
        [[1, 1, 2, 2]],
        "annotations[0].segmentation",
        "at least 3 points",
        ERROR,
    ),
    (
        ("annotations", 0, "segmentation"),
        [2, 2, 8, 2, 8, 6],
        "annotations[0].segmentation",
        "list of poly",
        ERROR,
    ),
    (("annotations", 0, "segmentation"), "2 2 8 2", "annotations[0].segmentation", "must be polygons", ERROR),
    (
        ("annotations", 0, "segmentation"),
        [[2, 2, 8, 2, float("nan"), 6]],
        "annotations[0].segmentation",
        "must be numbers",
        ERROR,
    ),
    (
        ("annotations", 0, "segmentation"),
        [[22, 2, 28, 2, 28, 6]],
        "annotations[0].segmentation",
        "lies outside of the image",
        ERROR,
    ),
    (
        ("annotations", 0, "segmentation"),
        [[2, 2, 8, 2, 8, 6, 2, 6], [4, 4, 4, 5, 24, 4]],
        "annotations[0].segmentation",
        "reaches 4.0 px beyond the image of 20 x 10 pixels",
        WARNING,
    ),
    (
        ("annotations", 0, "segmentation"),
        [[2, 2, 2, 2, 2, 2]],
        "annotations[0].segmentation",
        "covers no pixel",
        WARNING,
    ),
    (
        ("annotations", 2, "segmentation", "size"),
        [20, 10],
        "annotations[2].segmentation",
        "(swapped?)",
        ERROR,
    ),
    (
        ("annotations", 2, "segmentation", "counts"),
        ":d0",
        "annotations[2].segmentation",
        "must add up to 10 x 20",
        ERROR,
    ),
    (
        ("annotations", 2, "segmentation", "weight"),
        float("inf"),
        "annotations[2].segmentation.weight",
        "must be a finite number",
        ERROR,
    ),
    (
        ("annotations", 1, "score"),
        float("nan"),
        "annotations[1].score",
        "must be a number, but is nan",
        ERROR,
    ),
    (
        ("annotations", 1, "extra"),
        [float("nan")],
        "annotations[1].extra[0]",
        "must be a finite number",
        ERROR,
    ),
    (("annotations", 1, "zsi"), "proposed", "annotations[1].zsi", "must be an object", ERROR),
    (("annotations", 1, "zsi"), {"uuid": "u", "state": "new"}, "annotations[1].zsi.state", "one of", ERROR),
    (("annotations", 1, "zsi"), {"state": "drawn"}, "annotations[1].zsi.uuid", "is missing", ERROR),
]


@pytest.mark.parametrize(("place", "value", "where", "text", "severity"), FAULTS)
def test_faults(
    document: dict[str, Any],
    saved: Save,
    place: tuple[Any, ...],
    value: Any,
    where: str,
    text: str,
    severity: Severity,
) -> None:
    faults = [
        fault
        for fault in validate(saved(changed(document, place, value)))
        # What follows from a list entry that cannot be used is reported as well, rightly.
        if not (fault.where.endswith((".license", ".image_id")) and fault.where != where)
        and not (
            place[-2:] == (0, "segmentation")
            and fault.where in ("annotations[0].area", "annotations[0].bbox")
        )
    ]
    assert [(fault.where, fault.severity) for fault in faults] == [(where, severity)]
    assert text in str(faults[0])
    assert str(faults[0]).startswith(f"{severity}: {where}: ")


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_missing_list(document: dict[str, Any], saved: Save, key: str) -> None:
    del document[key]
    faults = validate(saved(document))
    assert Fault(key, "must be a list, but is missing") in faults


@pytest.mark.parametrize(
    ("content", "text"), [([], "is a list"), ("a", "must be a JSON object"), (None, "must be a JSON object")]
)
def test_other_top_level_types(saved: Save, content: Any, text: str) -> None:
    [fault] = validate(saved(content))
    assert text in fault.what


def test_a_hole_written_as_a_second_ring_is_noticed(document: dict[str, Any], saved: Save) -> None:
    document["images"][0].update(width=50, height=50)
    del document["annotations"][1:3]
    document["annotations"][0].update(
        segmentation=[[5, 5, 45, 5, 45, 45, 5, 45], [15, 15, 35, 15, 35, 35, 15, 35]],
        bbox=[5, 5, 40, 40],
        area=1200,
    )
    [fault] = validate(saved(document))
    assert fault.what == "is 1200, but the mask covers 1600 pixels"


def test_unreadable_files_raise(saved: Save, tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"images": [')
    with pytest.raises(AnnotationError, match=r"cut\.json .* cut off"):
        validate(tmp_path / "cut.json")


def test_a_file_does_not_go_into_memory(document: dict[str, Any], saved: Save) -> None:
    ring = [round(10 + 5 * math.cos(i / 100), 2) for i in range(628)]
    document["annotations"] = [
        {**document["annotations"][0], "id": i, "segmentation": [ring], "bbox": [5, 5, 10, 5], "area": 78}
        for i in range(200)
    ]
    path = saved(document)
    tracemalloc.start()
    validate(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < path.stat().st_size / 3  # as Python objects it is several times as large


# Hostile input.


def test_one_line_per_fault_whatever_is_in_the_names(document: dict[str, Any], saved: Save) -> None:
    evil = "a\nerror: b\x1b[31m\r\u2028\ud800" + "x" * 10_000
    document["images"][0]["file_name"] = "/" + evil
    document["categories"][0]["name"] = [evil]
    document["annotations"][0][evil] = float("nan")
    document["annotations"][1]["segmentation"]["counts"] = evil
    faults = validate(saved(document))
    assert len(faults) == 4
    for fault in faults:
        line = str(fault)
        assert line.isprintable()
        assert len(line) < 800
        line.encode()


def test_long_lists_of_faults_are_cut_but_counted(document: dict[str, Any], saved: Save) -> None:
    document["annotations"] = [5] * 3000 + [{**document["annotations"][3], "bbox": [1, 1, 0, 0]}]
    faults = validate(saved(document))
    assert [fault.severity for fault in faults] == [ERROR] * 1000 + [WARNING, ERROR]
    assert faults[-1].what == "2000 more errors are not listed"


def test_absurd_sizes_and_outlines_cost_nothing(document: dict[str, Any], saved: Save) -> None:
    document["images"][0].update(width=10**9, height=10**9)
    document["images"][1].update(width=46_000, height=46_000)
    document["annotations"][0]["segmentation"] = [[0, 0, 9e8, 0, 9e8, 9e8]]
    document["annotations"][1].update(image_id=2, segmentation=[[0, 0, 4e7, 0, 4e7, 4e7]])
    document["annotations"][2].update(
        image_id=2, segmentation={"size": [46_000, 46_000], "counts": "oooooo0"}
    )
    started = time.process_time()
    faults = {fault.where: str(fault) for fault in validate(saved(document))}
    assert time.process_time() - started < 5
    assert "are more than" in faults["images[0]"]
    assert "pixels long" in faults["annotations[1].segmentation"]
    assert "RLE counts" in faults["annotations[2].segmentation"]


def test_outlines_of_the_file_have_a_budget(
    document: dict[str, Any], saved: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_annotation_module, "MAX_TOTAL_OUTLINE", 30)
    polygon = document["annotations"][0]
    polygon["area"] = 100
    document["annotations"] = [{**polygon, "id": id} for id in range(5)]
    faults = validate(saved(document))
    # Each outline is 20 px long: the first is compared, at the second the budget ends.
    assert [(fault.where, fault.severity) for fault in faults] == [
        ("annotations[0].area", WARNING),
        ("annotations[1]", WARNING),
    ]
    assert "are not compared" in faults[1].what


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(*path, key), *places(value[key], (*path, key))]]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(-2, 12)
    | st.floats()
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=7) | st.dictionaries(st.sampled_from(["id", "size", "counts"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_is_survived_and_what_passes_can_be_read(
    document: dict[str, Any], saved: Save, data: st.DataObject
) -> None:
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places(document)))
        changed(document, place, data.draw(st.just(REMOVED) | json_values) if len(place) > 1 else [])
        if not places(document):
            break
    path = saved(document)
    faults = validate(path)
    assert all(str(fault).isprintable() for fault in faults)
    if all(fault.severity is WARNING for fault in faults):
        coco = read_coco(path)
        sizes = {image.id: (image.height, image.width) for image in coco.images}
        for annotation in coco.annotations:
            annotation_rle(annotation, *sizes[annotation.image_id])


# With the images at hand.


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (20, 10)).save(folder / name / "1.jpg")
    return folder


def test_images_that_fit(document: dict[str, Any], saved: Save, pictures: Path) -> None:
    assert validate(saved(document), pictures) == []


def test_image_that_is_missing_damaged_or_of_another_size(
    document: dict[str, Any], saved: Save, pictures: Path
) -> None:
    (pictures / "a" / "1.jpg").unlink()
    (pictures / "b" / "1.jpg").write_bytes(b"")
    missing, damaged = validate(saved(document), pictures)
    assert missing.where == "images[0].file_name"
    assert "does not exist" in missing.what
    assert "is empty" in damaged.what

    Image.new("RGB", (30, 10)).save(pictures / "a" / "1.jpg")
    Image.new("RGB", (10, 20)).save(pictures / "b" / "1.jpg")
    other, turned = validate(saved(document), pictures)
    assert (other.where, other.what) == ("images[0]", "is 20 x 10 pixels, but the file has 30 x 10")
    assert "sizes count after EXIF rotation" in turned.what
    assert {fault.severity for fault in (missing, damaged, other, turned)} == {ERROR}


def test_size_is_that_after_exif_rotation(document: dict[str, Any], saved: Save, pictures: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (10, 20)).save(pictures / "a" / "1.jpg", exif=exif)
    assert validate(saved(document), pictures) == []


def test_unlisted_images_are_counted(document: dict[str, Any], saved: Save, pictures: Path) -> None:
    Image.new("RGB", (5, 5)).save(pictures / "2.png")
    [fault] = validate(saved(document), pictures)
    assert (fault.severity, fault.what) == (
        WARNING,
        "1 of the image files in the folder are missing from the list",
    )


def test_names_that_lead_out_of_the_folder_are_not_opened(
    document: dict[str, Any], saved: Save, pictures: Path
) -> None:
    Image.new("RGB", (5, 5)).save(pictures.parent / "secret.png")
    document["images"][0]["file_name"] = "../secret.png"
    lines = [str(fault) for fault in validate(saved(document), pictures)]
    assert len(lines) == 2
    assert "5 x 5" not in " ".join(lines)


def test_folder_that_is_none(document: dict[str, Any], saved: Save, tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="absent is not a folder"):
        validate(saved(document), tmp_path / "absent")


@pytest.mark.shared
def test_shared_files_have_no_errors(test_data: Path) -> None:
    paths = sorted(test_data.glob("*/annotations.json"))
    assert paths, f"no */annotations.json in {test_data}"
    for path in paths:
        faults = validate(path, path.parent / "images")
        assert [str(fault) for fault in faults if fault.severity is ERROR] == []
        # Hand-drawn outlines of COCO differ from their areas and boxes now and then; few by this much.
        assert len(faults) <= len(json.loads(path.read_text())["annotations"]) / 100
