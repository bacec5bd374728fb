"""Which boxes are shown to the teacher, and the file of its answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.teacher import BATCH, CROP, write_teacher_vectors
from zsi_core.errors import AnnotationError


class MeanColour:
    """Stands in for the classifier: the vector of a crop is its mean colour."""

    def __init__(self) -> None:
        self.names = torch.zeros(1000, 3)
        self.sizes: list[int] = []

    def vectors(self, crops: list[np.ndarray]) -> torch.Tensor:
        assert {(crop.shape, crop.dtype.name) for crop in crops} == {((CROP, CROP, 3), "uint8")}
        self.sizes.append(len(crops))
        return torch.from_numpy(np.stack([crop.mean(axis=(0, 1)) for crop in crops]).astype(np.float32))


def taught(spec, root: Path) -> tuple[dict[int, list[int]], MeanColour]:
    """Rounded vector of every annotation id in the written file."""
    teacher = MeanColour()
    count = write_teacher_vectors(root / spec.annotations, root / spec.images, root / "t.npz", teacher)  # type: ignore[arg-type]
    with np.load(root / "t.npz", allow_pickle=False) as stored:
        assert stored["ids"].dtype == np.int64
        assert stored["vectors"].dtype == np.float16
        assert stored["vectors"].shape == (count, 3)
        return dict(zip(stored["ids"].tolist(), stored["vectors"].round().tolist(), strict=True)), teacher


def test_boxes_worth_looking_at(write_set, tmp_path: Path) -> None:
    large = {"category_id": 1, "bbox": [10, 10, 20, 20]}
    images = [
        [
            large,
            large | {"iscrowd": 1},
            large | {"bbox": [40, 10, 15.9, 20]},
            large | {"bbox": [40, 40, 16, 16], "category_id": 2},
        ],
        [large | {"bbox": [200, 10, 20, 20]}],  # outside the image
        [],
        [large],
    ]
    found, teacher = taught(write_set("a", {1: "dog", 2: "car"}, images), tmp_path)
    assert list(found) == [1, 4, 6]
    assert found[1] == found[6]
    share = (20 / 26) ** 2  # a margin of 15 % on every side
    assert found[1][1] == pytest.approx(230 * share + 60 * (1 - share), abs=8)
    assert found[4][2] > found[4][1], "each its own colour"
    assert teacher.sizes == [3]


def test_crops_are_shown_in_batches(write_set, tmp_path: Path) -> None:
    objects = [{"category_id": 1, "bbox": [0, 0, 20, 20]}] * (BATCH + 1)
    found, teacher = taught(write_set("a", {1: "dog"}, [objects]), tmp_path)
    assert len(found) == BATCH + 1
    assert teacher.sizes == [BATCH, 1]


def test_a_set_without_any_large_box(write_set, tmp_path: Path) -> None:
    found, _ = taught(write_set("a", {1: "dog"}, [[{"category_id": 1, "bbox": [0, 0, 5, 5]}]]), tmp_path)
    assert found == {}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"gone.json does not exist"):
        write_teacher_vectors(tmp_path / "gone.json", tmp_path, tmp_path / "t.npz", MeanColour())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
