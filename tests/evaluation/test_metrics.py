"""Which images, classes and results the figures of a mode are about, on cases small enough to do by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from zsi_core.coco import CocoFile
from zsi_core.errors import AnnotationError
from zsi_core.evaluation.box_to_mask import box_to_mask
from zsi_core.evaluation.ground_truth import Scope, ground_truth, rows_of, without_box_only
from zsi_core.evaluation.metrics import agnostic_recall, mode_metrics
from zsi_core.semantics import ClassSplit

DOG, CAT, CAT_AGAIN, FORK, SPOON = 5, 2, 8, 9, 4
CATEGORIES = {DOG: "dog", CAT: "Cat", CAT_AGAIN: "cat", FORK: "fork", SPOON: "spoon"}
LEFT, RIGHT = (2, 2, 18, 30), (25, 5, 20, 30)


@pytest.fixture
def coco(make_coco: Any, draw: SimpleNamespace) -> CocoFile:
    """Image 1: cat and dog; 2: dog; 3: cat and a spoon, which is in no group; 4: a crowd of cats."""
    return make_coco(
        [1, 2, 3, 4],
        CATEGORIES,
        [
            draw.annotation(1, 1, CAT, LEFT),
            draw.annotation(2, 1, DOG, RIGHT),
            draw.annotation(3, 2, DOG, LEFT),
            draw.annotation(4, 3, CAT_AGAIN, LEFT),
            draw.annotation(5, 3, SPOON, RIGHT),
            draw.annotation(6, 4, CAT, LEFT, crowd=True),
        ],
    )


def measured(coco: CocoFile, split: ClassSplit, results: Any, **given: Any) -> dict[str, Any]:
    return mode_metrics(
        coco, coco.images, split, results, **({"mode": "zsi", "task": "segm", "resamples": 0} | given)
    )


def test_zsi_is_about_unseen_classes_on_images_that_hold_some(
    coco: CocoFile, split: ClassSplit, draw: SimpleNamespace
) -> None:
    found = measured(coco, split, [draw.result(1, CAT, LEFT, 0.9), draw.result(2, CAT, RIGHT, 0.95)])
    assert found["images"] == 3
    assert list(found["per_class"]) == ["cat", "fork"]
    assert found["per_class"]["cat"]["instances"] == 2
    # Of two cats one is found; the better score on image 2, which holds no unseen object, does not count.
    assert found["recall@100"] == {"0.4": 0.5, "0.5": 0.5, "0.6": 0.5}
    assert found["map50"] == pytest.approx(51 / 101)
    assert found["unseen"]["map50"] == found["map50"]
    assert found["seen"] is None
    assert found["harmonic_mean"] is None
    assert found["per_class"]["fork"] == {
        "group": "unseen",
        "instances": 0,
        "recall@100": None,
        "map50": None,
    }


def test_gzsi_is_about_all_classes_of_the_split_on_all_images(
    coco: CocoFile, split: ClassSplit, draw: SimpleNamespace
) -> None:
    results = [
        draw.result(1, CAT, LEFT, 0.8),
        draw.result(2, CAT, RIGHT, 0.95),
        draw.result(1, DOG, RIGHT, 0.9),
        draw.result(2, DOG, LEFT, 0.7),
        draw.result(3, SPOON, RIGHT, 0.99),
    ]
    found = measured(coco, split, results, mode="gzsi")
    assert found["images"] == 4
    assert list(found["per_class"]) == ["dog", "car", "cat", "fork"]
    assert found["seen"]["map50"] == 1.0
    # The wrong cat on image 2 comes first: precision 1/2 up to recall 1/2.
    assert found["unseen"]["map50"] == pytest.approx(0.5 * 51 / 101)
    seen, unseen = 1.0, found["unseen"]["map50"]
    assert found["harmonic_mean"]["map50"] == pytest.approx(2 * seen * unseen / (seen + unseen))
    assert found["map50"] == pytest.approx((seen + unseen) / 2)


def test_strict_figures_are_of_the_other_list(
    coco: CocoFile, split: ClassSplit, draw: SimpleNamespace
) -> None:
    dogs = [draw.result(1, DOG, RIGHT, 0.9), draw.result(2, DOG, LEFT, 0.7)]
    cat = draw.result(1, CAT, LEFT, 0.8)
    found = measured(coco, split, [*dogs, cat], strict=dogs, mode="gzsi")
    assert found["unseen"]["recall@100"]["0.5"] == 0.5
    assert found["strict"]["unseen"]["recall@100"]["0.5"] == 0.0
    assert found["strict"]["seen"] == found["seen"]
    one_list = measured(coco, split, [cat])
    assert one_list["strict"]["map50"] == one_list["map50"] > 0


def test_a_class_is_frequent_from_six_objects_on(
    make_coco: Any, draw: SimpleNamespace, split: ClassSplit
) -> None:
    cats = [draw.annotation(n, n, CAT, LEFT) for n in range(1, 7)]
    forks = [draw.annotation(n + 10, n, FORK, RIGHT) for n in range(1, 6)]
    coco = make_coco(range(1, 7), CATEGORIES, [*cats, *forks])
    found = measured(coco, split, [draw.result(n, CAT, LEFT, 0.9) for n in (1, 2, 3)])
    assert found["map50"] == pytest.approx((51 / 101 + 0) / 2)
    assert found["frequent"]["min_instances"] == 6
    assert found["frequent"]["classes"] == 1
    assert found["frequent"]["map50"] == pytest.approx(51 / 101)


def test_masks_are_evaluated_where_all_objects_have_some(
    make_coco: Any, draw: SimpleNamespace, split: ClassSplit
) -> None:
    coco = make_coco(
        [1, 2],
        CATEGORIES,
        [
            draw.annotation(1, 1, CAT, LEFT),
            draw.annotation(2, 2, CAT, LEFT),
            draw.annotation(3, 2, SPOON, RIGHT, box_only=True),
        ],
    )
    results = [draw.result(1, CAT, LEFT, 0.9)]
    masks, boxes = measured(coco, split, results), measured(coco, split, results, task="bbox")
    assert (masks["images"], masks["box_only_images"], masks["map50"]) == (1, 1, 1.0)
    assert (boxes["images"], boxes["box_only_images"]) == (2, 0)
    assert boxes["map50"] == pytest.approx(51 / 101)


def test_nothing_is_left_when_every_image_has_box_only_objects(
    make_coco: Any, draw: SimpleNamespace, split: ClassSplit
) -> None:
    coco = make_coco([1], CATEGORIES, [draw.annotation(1, 1, CAT, LEFT, box_only=True)])
    found = measured(coco, split, [draw.result(1, CAT, LEFT, 0.9)], resamples=5)
    assert (found["images"], found["box_only_images"]) == (0, 1)
    assert found["map50"] is None
    assert found["bootstrap"] is None
    assert agnostic_recall(coco, coco.images, [], task="segm", resamples=5) == (None, None)


def test_a_box_only_object_is_never_taken_for_an_empty_mask(make_coco: Any, draw: SimpleNamespace) -> None:
    coco = make_coco([1], CATEGORIES, [draw.annotation(7, 1, CAT, LEFT, box_only=True)])
    scope = Scope(coco.images, rows_of(coco, ["cat"]), 1)
    assert without_box_only(coco, coco.images) == ()
    with pytest.raises(ValueError, match="annotation 7 must have a mask"):
        ground_truth(coco, scope, "segm")
    assert len(ground_truth(coco, scope, "bbox").objects) == 1


def test_a_malformed_segmentation_is_named(make_coco: Any, draw: SimpleNamespace) -> None:
    broken = draw.annotation(7, 1, CAT, LEFT) | {"segmentation": [[1, 2, 3]]}
    coco = make_coco([1], CATEGORIES, [broken])
    with pytest.raises(AnnotationError, match="annotation 7"):
        ground_truth(coco, Scope(coco.images, rows_of(coco, ["cat"]), 1), "segm")


def test_class_agnostic_recall_ignores_names(coco: CocoFile, draw: SimpleNamespace) -> None:
    unknown_category = 77
    regions = [
        draw.result(1, DOG, LEFT, 0.5),
        draw.result(3, unknown_category, RIGHT, 0.4),
        draw.result(3, FORK, LEFT, 0.3),
    ]
    value, interval = agnostic_recall(coco, coco.images, regions, task="segm", resamples=20)
    assert value == 3 / 5
    assert interval is not None
    assert 0 <= interval[0] <= 3 / 5 <= interval[1] <= 1
    assert agnostic_recall(coco, coco.images, [], task="segm", resamples=0) == (0.0, None)


def test_the_bootstrap_has_an_interval_for_every_figure(
    coco: CocoFile, split: ClassSplit, draw: SimpleNamespace
) -> None:
    results = [draw.result(1, CAT, LEFT, 0.9), draw.result(1, DOG, RIGHT, 0.9)]
    found = measured(coco, split, results, mode="gzsi", resamples=40)["bootstrap"]
    assert (found["level"], found["resamples"]) == (0.95, 40)
    for figures in (found, found["seen"], found["unseen"], found["harmonic_mean"]):
        for low, high in (figures["map50"], *figures["recall@100"].values()):
            assert 0.0 <= low < high <= 1.0


def test_box_to_mask_is_the_mean_over_the_objects_of_a_group(
    coco: CocoFile, split: ClassSplit, draw: SimpleNamespace
) -> None:
    half = (LEFT[0], LEFT[1], LEFT[2] // 2, LEFT[3])
    results = [
        draw.result(1, CAT, LEFT, 1.0) | {"annotation_id": 1},
        draw.result(3, CAT, half, 1.0) | {"annotation_id": 4},
        draw.result(2, DOG, half, 1.0) | {"annotation_id": 3},
    ]
    groups = {"unseen": split.unseen, "seen": split.seen, "none": ()}
    assert box_to_mask(coco, results, groups) == {
        "unseen": {"mean_iou": 0.75, "objects": 2},
        "seen": {"mean_iou": 0.5, "objects": 1},
        "none": {"mean_iou": None, "objects": 0},
    }
