"""Reading COCO: every kind of segmentation, and a clear refusal of what makes no sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zsi_core.coco import CocoFile, annotation_rle, image_path, read_coco
from zsi_core.coco.segmentation import segmentation_rle
from zsi_core.errors import AnnotationError
from zsi_core.instances import rle

Save = Callable[..., Path]


def test_everything_is_read(document: dict[str, Any], saved: Save) -> None:
    path = saved(document)
    coco = read_coco(path)
    assert coco.path == path
    assert [(image.id, image.file_name, image.width, image.height) for image in coco.images] == [
        (1, "a/1.jpg", 20, 10),
        (2, "b/1.jpg", 20, 10),
    ]
    assert coco.category_names == {7: "fork", 4: "hair drier"}
    assert coco.category_keys == {7: "fork", 4: "hair drier"}
    assert [len(coco.annotations_of[image.id]) for image in coco.images] == [4, 0]
    first = coco.annotations[0]
    assert (first.id, first.image_id, first.category_id, first.area, first.iscrowd) == (1, 1, 7, 24, False)
    assert first.bbox == (2, 2, 6, 4)
    assert first.xyxy == (2, 2, 8, 6)
    assert coco.raw["info"] == {"description": "test"}
    assert coco.images[0].raw["license"] == 3


def test_category_keys_join_spellings(document: dict[str, Any], saved: Save) -> None:
    document["categories"][1]["name"] = " Hair  DRIER"
    assert read_coco(saved(document)).category_keys[4] == "hair drier"


def test_segmentations(document: dict[str, Any], saved: Save) -> None:
    polygon, uncompressed, compressed, box_only = (
        annotation_rle(annotation, 10, 20) for annotation in read_coco(saved(document)).annotations
    )
    expected = np.zeros((10, 20), bool)
    expected[2:6, 2:8] = True
    assert polygon is not None
    assert (rle.decode(polygon) == expected).all()
    assert uncompressed is not None
    assert rle.decode(uncompressed)[:, 1:3].sum() == 20
    assert compressed == uncompressed
    assert box_only is None


def test_all_polygons_of_an_object_count() -> None:
    two = segmentation_rle([[0, 0, 2, 0, 2, 2, 0, 2], [5, 5, 8, 5, 8, 8, 5, 8]], 10, 10)
    assert two is not None
    assert rle.areas([two]) == [13]


def test_crowds_are_read_and_marked(document: dict[str, Any], saved: Save) -> None:
    document["annotations"][1]["iscrowd"] = 1
    assert [annotation.iscrowd for annotation in read_coco(saved(document)).annotations] == [
        False,
        True,
        False,
        False,
    ]


def test_fields_that_may_be_missing(document: dict[str, Any], saved: Save) -> None:
    for key in ("area", "iscrowd", "segmentation"):
        del document["annotations"][0][key]
    for key in ("info", "licenses"):
        del document[key]
    first = read_coco(saved(document)).annotations[0]
    assert (first.area, first.iscrowd, first.segmentation) == (None, False, [])
    assert annotation_rle(first, 10, 20) is None


def test_empty_file_of_no_images(saved: Save) -> None:
    coco = read_coco(saved({"images": [], "annotations": [], "categories": []}))
    assert (coco.images, coco.annotations, coco.categories) == ((), (), ())


def test_names_of_windows_and_other_scripts(document: dict[str, Any], saved: Save) -> None:
    document["images"][0]["file_name"] = "ložnice\\čaj\\写真.jpg"
    image = read_coco(saved(document)).images[0]
    assert image.file_name == "ložnice/čaj/写真.jpg"
    assert image_path("photos", image) == Path("photos", "ložnice", "čaj", "写真.jpg")


def test_ids_of_64_bits(document: dict[str, Any], saved: Save) -> None:
    document["annotations"][0]["id"] = 2**63 - 1
    assert read_coco(saved(document)).annotations[0].id == 2**63 - 1


@pytest.mark.parametrize("content", [[], [{"image_id": 1}], "text", 5, None, True])
def test_other_top_level_types(content: Any, saved: Save) -> None:
    with pytest.raises(AnnotationError, match=r"annotations\.json: .*(is a list|must be a JSON object)"):
        read_coco(saved(content))


REMOVED = object()


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("images",), REMOVED, "images must be a list, but is missing"),
        (("images",), {}, "images must be a list, but is {}"),
        (("annotations",), None, "annotations must be a list, but is None"),
        (("categories", 0), "fork", r"categories\[0\] must be an object, but is 'fork'"),
        (("images", 1, "id"), "2", r"images\[1\].id must be an integer, but is '2'"),
        (("images", 1, "id"), 1, r"images\[1\].id 1 is the id of an earlier one"),
        (("images", 1, "id"), True, r"images\[1\].id must be an integer, but is True"),
        (("images", 1, "id"), 2**63, r"images\[1\].id must be an integer"),
        (("images", 0, "width"), 0, r"images\[0\].width must be a number of pixels, but is 0"),
        (("images", 0, "width"), 20.5, r"images\[0\].width must be a number of pixels"),
        (("images", 0, "height"), REMOVED, r"images\[0\].height .* is missing"),
        (("images", 0, "height"), 10**12, r"images\[0\].height must be a number of pixels"),
        (("images", 0, "file_name"), REMOVED, r"images\[0\].file_name must be a path"),
        (("images", 0, "file_name"), "../secret.jpg", "must stay inside the image folder"),
        (("images", 0, "file_name"), "a/../../secret.jpg", "must stay inside the image folder"),
        (("images", 0, "file_name"), "..\\secret.jpg", "must stay inside the image folder"),
        (("images", 0, "file_name"), "/etc/passwd", "must be relative"),
        (("images", 0, "file_name"), "C:\\a.jpg", "must be relative"),
        (("images", 0, "file_name"), "C:a.jpg", "must be relative"),
        (("images", 0, "file_name"), "\\\\server\\a.jpg", "must be relative"),
        (("images", 0, "file_name"), "a\0.jpg", "NUL"),
        (("categories", 0, "name"), "  ", r"categories\[0\].name must be a class name"),
        (("categories", 0, "name"), 5, r"categories\[0\].name must be a class name, but is 5"),
        (("categories", 1, "id"), 7, r"categories\[1\].id 7 is the id of an earlier one"),
        (("annotations", 2, "id"), 1, r"annotations\[2\].id 1 is the id of an earlier one"),
        (("annotations", 2, "id"), REMOVED, r"annotations\[2\].id must be an integer, but is missing"),
        (("annotations", 2, "image_id"), 99, r"annotations\[2\].image_id 99 is not the id of an image"),
        (("annotations", 2, "category_id"), 1, r"category_id 1 is not the id of a category"),
        (("annotations", 2, "bbox"), [1, 2, 3], r"annotations\[2\].bbox must be \[x, y, width, height\]"),
        (("annotations", 2, "bbox"), [1, 2, -3, 4], r"annotations\[2\].bbox must be"),
        (("annotations", 2, "bbox"), [1, 2, 3, "4"], r"annotations\[2\].bbox must be"),
        (("annotations", 2, "bbox"), [1, 2, 3, 10**300], r"annotations\[2\].bbox must be"),
        (("annotations", 2, "bbox"), [1, 2, 3, True], r"annotations\[2\].bbox must be"),
        (("annotations", 2, "area"), "20", r"annotations\[2\].area must be a number"),
        (("annotations", 2, "iscrowd"), 2, r"annotations\[2\].iscrowd must be 0 or 1, but is 2"),
        (("annotations", 2, "iscrowd"), [0], r"annotations\[2\].iscrowd must be 0 or 1"),
    ],
)
def test_values_that_make_no_sense(
    document: dict[str, Any], saved: Save, place: tuple[Any, ...], value: Any, message: str
) -> None:
    target: Any = document
    for key in place[:-1]:
        target = target[key]
    if value is REMOVED:
        del target[place[-1]]
    else:
        target[place[-1]] = value
    with pytest.raises(AnnotationError, match=message) as caught:
        read_coco(saved(document))
    assert "annotations.json" in str(caught.value)
    assert len(str(caught.value)) < 600


def test_float_too_large_for_a_float(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document).replace('"bbox": [2, ', '"bbox": [1e999, '))
    with pytest.raises(AnnotationError, match=r"annotations\[0\].bbox"):
        read_coco(path)


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ("2,2,8,2,8,6", "must be polygons, an RLE or"),
        (5, "must be polygons, an RLE or"),
        (True, "must be polygons, an RLE or"),
        ([2, 2, 8, 2, 8, 6], "must be a list of polygons"),
        ([[]], "polygon 0 must be x, y pairs of at least 3 points, but has 0"),
        ([[2, 2, 8, 2, 8, 6], [1, 1, 2, 2]], "polygon 1 must be x, y pairs .* has 4"),
        ([[2, 2, 8, 2, 8, 6, 7]], "has 7 numbers"),
        ([[2, 2, 8, 2, 8, "6"]], "must hold numbers only"),
        ([[2, 2, 8, 2, 8, None]], "must hold numbers only"),
        ([[2, 2, 8, 2, 8, False]], "must hold numbers only"),
        ([[[2, 2], [8, 2], [8, 6]]], "must hold numbers only"),
        ([[2, 2, 8, 2, 8, float("nan")]], "must be numbers between"),
        ([[2, 2, 8, 2, 8, 1e300]], "must be numbers between"),
        ([[2, 2, 8, 2, 8, 10**400]], "integer of hundreds of digits"),
        ([[0, 0, 9e7, 9e7, 0, 9e7]], "pixels long"),
        ({}, "RLE size must be"),
        ({"size": [20, 10], "counts": "Z5"}, r"image's \[10, 20\], but is \[20, 10\] \(swapped\?\)"),
        ({"size": [10, 21], "counts": "Z5"}, r"image's \[10, 20\], but is \[10, 21\]"),
        ({"size": [10.0, 20], "counts": "Z5"}, "RLE size must be"),
        ({"size": "10x20", "counts": "Z5"}, "RLE size must be"),
        ({"size": [10, 20]}, "counts must be a string or a list of integers, but are None"),
        ({"size": [10, 20], "counts": [200.0]}, "counts must be integers"),
        ({"size": [10, 20], "counts": [10**30]}, "counts must be integers"),
        ({"size": [10, 20], "counts": [100, 99]}, "add up to 10 x 20 = 200 pixels, but got 199"),
        ({"size": [10, 20], "counts": [300, -100]}, "none of them negative"),
        ({"size": [10, 20], "counts": "Z4"}, "add up to 10 x 20"),
        ({"size": [10, 20], "counts": "not an RLE"}, "characters 0 to o"),
        ({"size": [10, 20], "counts": ""}, "non-empty string"),
    ],
)
def test_segmentations_that_make_no_sense(
    document: dict[str, Any], segmentation: Any, message: str, saved: Save
) -> None:
    with pytest.raises(ValueError, match=message):
        segmentation_rle(segmentation, 10, 20)
    first = replace(read_coco(saved(document)).annotations[0], segmentation=segmentation)
    with pytest.raises(AnnotationError, match=f"annotation 1: .*{message}"):
        annotation_rle(first, 10, 20)


def test_image_of_absurd_size_costs_nothing(document: dict[str, Any], saved: Save) -> None:
    document["images"][0].update(width=10**9, height=10**9)
    first = read_coco(saved(document)).annotations[0]
    with pytest.raises(AnnotationError, match="pixels at most"):
        annotation_rle(first, 10**9, 10**9)


@pytest.mark.shared
def test_shared_files_read_with_every_mask(test_data: Path) -> None:
    paths = sorted(test_data.glob("*/annotations.json"))
    assert paths, f"no */annotations.json in {test_data}"
    for path in paths:
        check_every_mask(read_coco(path))


def check_every_mask(coco: CocoFile) -> None:
    assert coco.images
    sizes = {image.id: (image.height, image.width) for image in coco.images}
    for annotation in coco.annotations:
        mask = annotation_rle(annotation, *sizes[annotation.image_id])
        assert (mask is None) == (annotation.segmentation == [])
        assert mask is None or rle.areas([mask])[0] > 0
        assert annotation.category_id in coco.category_names
