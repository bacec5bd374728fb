"""The evaluator gives pycocotools' numbers, and resamples what a larger file would give."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from zsi_core.coco import CocoFile, read_coco
from zsi_core.evaluation.ground_truth import Scope, Task, ground_truth
from zsi_core.evaluation.matching import IOU_THRESHOLDS, ClassScores, Matching

CATEGORIES = {9: "fork", 3: "cat", 7: "car", 5: "never there"}
IMAGES = (4, 11, 2**60, 6, 1)
CASE = Path(__file__).parents[1] / "fixtures" / "cocoeval_case.json"


def evaluated(coco: CocoFile, results: Sequence[dict[str, Any]], task: Task) -> ClassScores:
    """Scores of the file's categories in its order."""
    return matched(coco, results, task).scores()


def matched(coco: CocoFile, results: Sequence[dict[str, Any]], task: Task) -> Matching:
    rows = {id: row for row, id in enumerate(coco.category_names)}
    scope = Scope(coco.images, rows, len(rows))
    return Matching(ground_truth(coco, scope, task), results)


def pycocotools_scores(coco: CocoFile, results: list[dict[str, Any]], task: Task) -> ClassScores:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = json.loads(coco.path.read_text())
        truth.createIndex()
        evaluator = COCOeval(truth, truth.loadRes(json.loads(json.dumps(results))), task)
        evaluator.params.iouThrs = np.array(IOU_THRESHOLDS)
        evaluator.evaluate()
        evaluator.accumulate()
    columns = [evaluator.params.catIds.index(id) for id in coco.category_names]
    recall = evaluator.eval["recall"][:, columns, 0, -1]
    precision = evaluator.eval["precision"][1][:, columns, 0, -1].mean(axis=0)
    return ClassScores(np.where(recall < 0, np.nan, recall), np.where(precision < 0, np.nan, precision))


@pytest.fixture
def random_case(
    make_coco: Callable[..., CocoFile], draw: SimpleNamespace
) -> Callable[[int], tuple[CocoFile, list[dict[str, Any]]]]:
    """Objects, some of them crowds; results shifted, misnamed, repeated or invented, many of equal score."""

    def make(seed: int) -> tuple[CocoFile, list[dict[str, Any]]]:
        rng = np.random.default_rng(seed)
        classes = [9, 3, 7]

        def box() -> list[int]:
            width, height = rng.integers(5, 25, 2).tolist()
            return [int(rng.integers(0, 50 - width)), int(rng.integers(0, 40 - height)), width, height]

        objects = [
            draw.annotation(
                n, int(rng.choice(IMAGES)), int(rng.choice(classes)), box(), crowd=rng.random() < 0.1
            )
            for n in range(1, 41)
        ]
        results = []
        for o in objects:
            for _ in range(int(rng.integers(0, 3))):
                x, y, width, height = o["bbox"]
                moved = [
                    max(0, x + int(rng.integers(-3, 4))),
                    max(0, y + int(rng.integers(-3, 4))),
                    width,
                    height,
                ]
                name = o["category_id"] if rng.random() < 0.8 else int(rng.choice(classes))
                results.append(draw.result(o["image_id"], name, moved, round(float(rng.random()), 1)))
        results += [
            draw.result(
                int(rng.choice(IMAGES)), int(rng.choice(classes)), box(), round(float(rng.random()), 1)
            )
            for _ in range(30)
        ]
        return make_coco(IMAGES, CATEGORIES, objects), results

    return make


@pytest.mark.parametrize("task", ["segm", "bbox"])
@pytest.mark.parametrize("seed", range(8))
def test_scores_are_those_of_pycocotools(random_case: Any, seed: int, task: Task) -> None:
    coco, results = random_case(seed)
    ours, theirs = evaluated(coco, results, task), pycocotools_scores(coco, results, task)
    np.testing.assert_allclose(ours.recall, theirs.recall, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.precision, theirs.precision, rtol=0, atol=1e-12)
    assert 0 < np.nanmean(ours.precision) < 1
    assert np.isnan(ours.precision).tolist() == [False, False, False, True]


def test_the_case_of_the_authors_evaluator_is_reproduced(tmp_path: Path) -> None:
    case = json.loads(CASE.read_text())
    dataset = case["dataset"]
    for n, image in enumerate(dataset["images"]):
        image["file_name"] = f"{n}.jpg"
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(dataset))
    scores = evaluated(read_coco(path), case["dets"], "bbox")
    np.testing.assert_allclose(scores.precision, case["ap50"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(scores.recall[1], case["recall50"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(scores.recall.mean(axis=1), case["stats"][6:9], rtol=0, atol=1e-12)


def test_object_0_can_be_found(make_coco: Any, draw: SimpleNamespace) -> None:
    """pycocotools takes the id 0 for "not matched"."""
    coco = make_coco([1], {1: "cat"}, [draw.annotation(0, 1, 1, (5, 5, 10, 10))])
    scores = evaluated(coco, [draw.result(1, 1, (5, 5, 10, 10), 0.9)], "segm")
    assert scores.recall.tolist() == [[1.0], [1.0], [1.0]]
    assert scores.precision.tolist() == [1.0]


def test_no_results_is_an_ordinary_case(make_coco: Any, draw: SimpleNamespace) -> None:
    coco = make_coco([1, 2], {1: "cat", 2: "car"}, [draw.annotation(1, 1, 1, (5, 5, 10, 10))])
    scores = evaluated(coco, [], "segm")
    np.testing.assert_array_equal(scores.recall, [[0.0, np.nan]] * 3)
    np.testing.assert_array_equal(scores.precision, [0.0, np.nan])


def test_no_images_is_an_ordinary_case(make_coco: Any, draw: SimpleNamespace) -> None:
    coco = make_coco([], {1: "cat"}, [])
    scores = evaluated(coco, [draw.result(1, 1, (5, 5, 10, 10), 0.9)], "bbox")
    assert np.isnan(scores.recall).all()
    assert np.isnan(scores.precision).all()


def test_only_100_results_of_a_class_in_an_image_count(make_coco: Any, draw: SimpleNamespace) -> None:
    coco = make_coco([1], {1: "cat"}, [draw.annotation(1, 1, 1, (5, 5, 10, 10))])
    wrong = [draw.result(1, 1, (30, 20, 10, 10), 0.9) for _ in range(99)]
    found = draw.result(1, 1, (5, 5, 10, 10), 0.1)
    assert evaluated(coco, [*wrong, found], "bbox").recall[0, 0] == 1
    assert evaluated(coco, [*wrong, wrong[0], found], "bbox").recall[0, 0] == 0


@pytest.mark.parametrize("task", ["segm", "bbox"])
@pytest.mark.parametrize("drawn", [[0, 2, 2, 4, 2], [1, 3, 3, 0, 1], [4, 4, 4, 4, 4], [0, 1, 2, 3, 4]])
def test_a_resample_scores_as_a_file_with_its_images(
    random_case: Any, make_coco: Any, draw: SimpleNamespace, drawn: list[int], task: Task
) -> None:
    coco, results = random_case(3)
    for n, result in enumerate(results):
        result["score"] += n / 1000  # the order of equal scores is that of the images, which a copy changes
    by_id = sorted(IMAGES)
    annotations = json.loads(coco.path.read_text())["annotations"]
    resampled = matched(coco, results, task).resampled(np.array(drawn))
    copied, found = [], []
    for new, row in enumerate(drawn, 1):
        copied += [{**a, "image_id": new} for a in annotations if a["image_id"] == by_id[row]]
        found += [{**r, "image_id": new} for r in results if r["image_id"] == by_id[row]]
    copied = [{**a, "id": n} for n, a in enumerate(copied, 1)]
    expected = evaluated(make_coco([1, 2, 3, 4, 5], CATEGORIES, copied), found, task)
    np.testing.assert_allclose(resampled.recall, expected.recall, rtol=0, atol=1e-12)
    np.testing.assert_allclose(resampled.precision, expected.precision, rtol=0, atol=1e-12)
    assert 0 < np.nanmean(expected.precision) < 1
    whole = evaluated(coco, results, task)
    assert np.array_equal(expected.precision, whole.precision, equal_nan=True) == (drawn == [0, 1, 2, 3, 4])
