"""A mended copy: what the faults of the validator become."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zsi_core.coco import read_coco, validate
from zsi_core.coco.fix import fix
from zsi_core.errors import AnnotationError

Save = Callable[..., Path]


def test_sound_file_stays_as_it_is(saved: Save, document: dict[str, Any], tmp_path: Path) -> None:
    document["videos"] = [{"id": 1}]
    tally = fix(saved(document), tmp_path / "copy.json")
    written = json.loads((tmp_path / "copy.json").read_text())
    document["categories"][1]["supercategory"] = ""
    assert written == document
    assert (tally.totals, tally.lines()) == ("2 images, 4 objects, 2 classes", [])


def test_faults_are_mended_and_told(saved: Save, document: dict[str, Any], tmp_path: Path) -> None:
    first, second, third, fourth = document["annotations"]
    first.update(area=5000, bbox=[0, 0, 19, 9], iscrowd=False)
    second.update(id=1, score=float("nan"))
    third.update(segmentation={"size": [20, 10], "counts": ":d0Z5"}, category_id=99)
    fourth.update(image_id=77)
    document["images"][0]["license"] = 8
    document["images"][1]["id"] = "two"
    document["info"]["weight"] = float("inf")
    path = saved(document)
    assert len(validate(path)) > 6
    tally = fix(path, tmp_path / "copy.json")
    assert validate(tmp_path / "copy.json") == []
    mended = read_coco(tmp_path / "copy.json")
    assert [(entry.id, entry.bbox, entry.area) for entry in mended.annotations] == [
        (1, (2, 2, 6, 4), 24),
        (3, (1, 0, 2, 10), 20),
        (4, (1, 0, 2, 10), 20),
    ]
    assert mended.category_names[99] == "category 99"
    assert sum(tally.skipped.values()) == 1
    assert sum(tally.changed.values()) == 9


def test_sizes_come_from_the_images(saved: Save, document: dict[str, Any], tmp_path: Path) -> None:
    del document["images"][0]["width"]
    path = saved(document)
    tally = fix(path, tmp_path / "without.json")
    assert (tally.images, tally.objects, sum(tally.skipped.values())) == (1, 0, 1)
    (tmp_path / "images" / "a").mkdir(parents=True)
    Image.new("RGB", (20, 10)).save(tmp_path / "images" / "a" / "1.jpg")
    tally = fix(path, tmp_path / "with.json", tmp_path / "images")
    assert (tally.images, tally.objects, sum(tally.skipped.values())) == (2, 4, 0)


def test_faulty_file_is_not_overwritten(saved: Save, document: dict[str, Any]) -> None:
    path = saved(document)
    with pytest.raises(AnnotationError, match="another name"):
        fix(path, path)


def test_file_that_cannot_be_mended(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"images": [')
    with pytest.raises(AnnotationError, match="cut off"):
        fix(tmp_path / "a.json", tmp_path / "copy.json")
    assert not (tmp_path / "copy.json").exists()
