"""Files of teacher vectors: what is in them, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.data.teacher_file import read_teachers
from training.recipe import DataSpec
from zsi_core.errors import TrainingError

SPECS = [DataSpec("a", "a.json", "a"), DataSpec("b", "b.json", "b")]


def save(path: Path, **arrays: Any) -> None:
    np.savez(path, **({"ids": np.zeros(0, np.int64), "vectors": np.zeros((0, 4), np.float16)} | arrays))


def test_objects_and_regions(tmp_path: Path) -> None:
    eye = np.eye(4, dtype=np.float16)
    boxes = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    save(
        tmp_path / "b.npz", ids=np.array([7, 5]), vectors=eye[:2],
        region_image=np.array([9, 3, 9]), region_boxes=boxes, region_vectors=eye[:3],
    )  # fmt: skip
    (teacher,) = read_teachers(SPECS, tmp_path, 4).values()
    assert {key: value.tolist() for key, value in teacher.objects.items()} == {
        7: [1, 0, 0, 0],
        5: [0, 1, 0, 0],
    }
    assert set(teacher.regions) == {3, 9}
    assert np.array_equal(teacher.regions[9][0], boxes[[0, 2]])
    assert np.array_equal(teacher.regions[9][1], eye[[0, 2]])
    assert np.array_equal(teacher.regions[3][0], boxes[[1]])


def test_files_without_regions(tmp_path: Path) -> None:
    none = {
        "region_image": np.zeros(0, np.int64),
        "region_boxes": np.zeros((0, 4), np.float32),
        "region_vectors": np.zeros((0, 4), np.float16),
    }
    save(tmp_path / "a.npz")
    save(tmp_path / "b.npz", **none)
    teachers = read_teachers(SPECS, tmp_path, 4)
    assert set(teachers) == {"a", "b"}
    assert teachers["a"].regions == teachers["b"].regions == {}


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda folder: None, "holds no teacher vectors: write them with"),
        (
            lambda folder: save(folder / "a.npz", ids=[1], vectors=np.ones((1, 5))),
            r"vectors with shape \(1, 4\), but got \(1, 5\)",
        ),
        (
            lambda folder: save(
                folder / "a.npz", region_image=[1], region_boxes=np.ones((1, 4)), region_vectors=[1]
            ),
            r"region_vectors with shape \(1, 4\), but got \(1,\)",
        ),
        (lambda folder: save(folder / "a.npz", region_image=[1]), r"a.npz cannot be read \(.*region_boxes"),
        (lambda folder: (folder / "a.npz").write_bytes(b"no archive"), r"a.npz cannot be read \("),
        (lambda folder: (folder / "a.npz").write_bytes(b"PK\x03\x04"), r"a.npz cannot be read \("),
        (lambda folder: np.savez(folder / "a.npz", ids=[1]), r"a.npz cannot be read \("),
        (
            lambda folder: save(folder / "a.npz", ids=[1], vectors=np.array([{}], dtype=object)),
            r"a.npz cannot be read \(Object arrays cannot be loaded",
        ),
    ],
)  # fmt: skip
def test_faulty_files(write, message: str, tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(TrainingError, match=message):
        read_teachers(SPECS, tmp_path, 4)
