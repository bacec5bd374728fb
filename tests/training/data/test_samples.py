"""From annotation files to samples: what is trained on, what is left out, and what is said about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from training.data import Sample, SetCounts, read_samples
from training.data.samples import MOST_LISTED
from training.recipe import DataSpec
from zsi_core.errors import AnnotationError, TrainingError

CLASSES = ("dog", "car", "hair drier")


def thing(category_id: int, *bbox: float, **more: Any) -> dict[str, Any]:
    return {"category_id": category_id, "bbox": list(bbox), **more}


@pytest.fixture
def read(make_recipe, tmp_path: Path):
    """Samples and counts of sets; keyword arguments are fields of Recipe."""

    def read(*sets: DataSpec, unseen: tuple[str, ...] = (), **fields: Any):
        return read_samples(make_recipe(*sets, **fields), tmp_path, CLASSES, unseen)

    return read


def rows(sample: Sample) -> list[int]:
    return [o.row for o in sample.objects]


def test_classes_are_matched_by_name_not_by_id(write_set, read) -> None:
    first = write_set("first", {1: "dog", 2: "car"}, [[thing(1, 0, 0, 20, 20), thing(2, 20, 20, 30, 30)]])
    second = write_set(
        "second", {1: "Car", 2: "Hair  Drier", 7: "DOG"}, [[thing(i, 0, 0, 20, 20) for i in (1, 2, 7)]]
    )
    samples, _ = read(first, second)
    assert [rows(sample) for sample in samples] == [[0, 1], [1, 2, 0]]


def test_crowds_are_ignored_regions(write_set, read) -> None:
    crowd = thing(1, 30, 10, 40, 50, iscrowd=1)
    (sample,), (counts,) = read(write_set("a", {1: "dog"}, [[thing(1, 0, 0, 20, 20), crowd], [crowd]]))
    assert [o.box for o in sample.objects] == [(0, 0, 20, 20)]
    assert sample.ignored.tolist() == [[30, 10, 70, 60]]
    assert counts.images_without_objects == 1, "an image of nothing but a crowd teaches nothing"


def test_masks_train_where_they_are_said_to_be_good(write_set, read) -> None:
    objects = [
        thing(1, 0, 0, 20, 20, has_mask=1),
        thing(1, 20, 20, 20, 20, has_mask=0),
        thing(1, 40, 20, 20, 20),
        thing(1, 60, 20, 20, 20, segmentation=[], has_mask=1),
    ]
    chosen = write_set("chosen", {1: "dog"}, [objects], masks="has_mask")
    every = write_set("every", {1: "dog"}, [objects])
    (by_flag, by_segmentation), _ = read(chosen, every)
    assert [o.mask is not None for o in by_flag.objects] == [True, False, False, False]
    assert [o.mask is not None for o in by_segmentation.objects] == [True, True, True, False]


# ---------------------------------------------------------------- unseen classes


CATEGORIES = {1: "dog", 2: "Cat", 3: "gravel"}
DOG, CAT, GRAVEL = (thing(i, 10 * i, 0, 20, 20) for i in CATEGORIES)


def test_images_that_show_an_unseen_class_are_left_out(write_set, read) -> None:
    images = [[DOG], [DOG, CAT], [DOG, {**CAT, "iscrowd": 1}], [DOG, GRAVEL, GRAVEL], [GRAVEL], []]
    samples, counts = read(write_set("a", CATEGORIES, images), unseen=("cat",))
    assert [sample.path.name for sample in samples] == ["0.png", "3.png"]
    assert counts == [
        SetCounts("a", images=2, objects=2, images_with_unseen=2, images_without_objects=2, other_objects=2)
    ]
    assert [o.box for o in samples[1].objects] == [(10, 0, 30, 20)]
    assert samples[1].ignored.tolist() == [[30, 0, 50, 20]] * 2, "what has no name is no background either"


def test_a_model_that_need_not_be_zero_shot_sees_all_images(write_set, read) -> None:
    spec = write_set("a", CATEGORIES, [[DOG], [DOG, CAT], [CAT]])
    samples, (counts,) = read(spec, unseen=("cat",), zero_shot=False)
    assert [sample.path.name for sample in samples] == ["0.png", "1.png"]
    assert samples[1].ignored.tolist() == [[20, 0, 40, 20]], "a class that nobody asked for is no background"
    assert (counts.images_with_unseen, counts.images_without_objects, counts.other_objects) == (0, 1, 1)


def test_nothing_left_to_train_on(write_set, read, tmp_path) -> None:
    first = write_set("first", CATEGORIES, [[DOG, CAT], [CAT], [DOG]])
    second = write_set("second", CATEGORIES, [[GRAVEL]])
    (tmp_path / "first" / "2.png").unlink()
    with pytest.raises(TrainingError) as error:
        read(first, second, unseen=("cat",))
    assert (
        "no image of first, second is left to train on: 2 show an object of an unseen class, "
        "1 none of a seen one, 1 cannot be used (the first: " in str(error.value)
    )
    assert "2.png does not exist" in str(error.value)


# ---------------------------------------------------------------- faulty data


def test_a_missing_annotation_file_is_named(read) -> None:
    with pytest.raises(AnnotationError, match=r"gone.json does not exist"):
        read(DataSpec("a", "gone.json", "a"))


def test_faulty_images_are_left_out_and_listed(write_set, read, tmp_path) -> None:
    spec = write_set("a", {1: "dog"}, [[thing(1, 0, 0, 20, 20)]] * 5)
    folder = tmp_path / "a"
    (folder / "0.png").unlink()
    (folder / "1.png").write_bytes(b"")
    (folder / "2.png").write_text("no image")
    Image.new("RGB", (80, 63)).save(folder / "3.png")
    (sample,), (counts,) = read(spec)
    assert sample.path.name == "4.png"
    assert (counts.images, counts.faulty_images, counts.faulty_objects) == (1, 4, 0)
    assert [fault.path for fault in counts.skipped] == [str(folder / f"{i}.png") for i in range(4)]
    for fault, said in zip(
        counts.skipped,
        (
            "does not exist",
            "is empty",
            "is not an image",
            "has 80 x 63 pixels, but its annotations are made for",
        ),
        strict=True,
    ):
        assert said in fault.reason


@pytest.mark.parametrize(
    ("faulty", "reason", "ignored"),
    [
        ({"bbox": [30, 30, 0, 10]}, "its box [30, 30, 0, 10] has no area within the image", []),
        ({"bbox": [30, 30, 10, 0.4]}, "its box [30, 30, 10, 0.4] has no area within the image", []),
        ({"bbox": [90, 30, 10, 10]}, "its box [90, 30, 10, 10] has no area within the image", []),
        ({"segmentation": [[1, 2, 3]]}, "annotation 2: polygon 0 must be", [[30, 30, 50, 50]]),
        ({"segmentation": {"size": [80, 64], "counts": "0"}}, "RLE size must be the", [[30, 30, 50, 50]]),
    ],
)  # fmt: skip
def test_faulty_objects_are_left_out_and_listed(faulty, reason, ignored, write_set, read, tmp_path) -> None:
    good = thing(1, 0, 0, 20, 20)
    spec = write_set("a", {1: "dog"}, [[good, thing(1, 30, 30, 20, 20)]])
    labels = tmp_path / "a" / "labels.json"
    content = json.loads(labels.read_text())
    content["annotations"][1] |= faulty
    labels.write_text(json.dumps(content))
    (sample,), (counts,) = read(spec)
    assert [o.id for o in sample.objects] == [1]
    assert sample.ignored.tolist() == ignored, "something is there: it is no background"
    assert (counts.objects, counts.faulty_objects, counts.faulty_images) == (1, 1, 0)
    ((path, said),) = [(fault.path, fault.reason) for fault in counts.skipped]
    assert path == str(labels)
    assert "annotation 2: " in said
    assert reason in said


def test_an_image_of_faulty_objects_alone_teaches_nothing(write_set, read) -> None:
    bad = thing(1, 0, 0, 20, 20, segmentation=[[1, 2, 3]])
    samples, (counts,) = read(write_set("a", {1: "dog"}, [[bad], [thing(1, 0, 0, 20, 20)]]))
    assert [sample.path.name for sample in samples] == ["1.png"]
    assert (counts.images_without_objects, counts.faulty_objects) == (1, 1)


def test_boxes_end_at_the_border_of_the_image(write_set, read) -> None:
    (sample,), (counts,) = read(write_set("a", {1: "dog"}, [[thing(1, 60, 50, 40, 20)]]))
    assert [o.box for o in sample.objects] == [(60, 50, 80, 64)]
    assert counts.skipped == ()


def test_many_faults_are_counted_but_not_all_listed(write_set, read, tmp_path) -> None:
    objects = [thing(1, 0, 0, 0, 0, segmentation=[])] * (MOST_LISTED + 5)
    _, (counts,) = read(write_set("a", {1: "dog"}, [[thing(1, 0, 0, 20, 20), *objects]]))
    assert counts.faulty_objects == MOST_LISTED + 5
    assert len(counts.skipped) == MOST_LISTED
