"""Batches from worker processes, and what goes wrong there."""

from __future__ import annotations

import os
import signal

import cv2
import numpy as np
import pytest
import torch

from training.data import Batches, TrainingImages, read_samples
from training.loading import batches
from zsi_core.errors import TrainingError


@pytest.fixture
def images(make_recipe, write_set, tmp_path):
    spec = write_set("a", {1: "dog"}, [[{"category_id": 1, "bbox": [10, 10, 30, 30]}]] * 4)
    recipe = make_recipe(spec)
    samples, _ = read_samples(recipe, tmp_path, ["dog"])
    return TrainingImages(samples, recipe, 8), Batches(samples, recipe)


def test_workers_change_nothing_but_the_speed(images) -> None:
    here, there = (batches(*images, workers, pin_memory=False) for workers in (0, 2))
    for _ in range(3):
        first, second = next(here), next(there)
        assert torch.equal(first.images, second.images)
        assert [t.seed for t in first.targets] == [t.seed for t in second.targets]


@pytest.mark.skipif(os.name != "posix", reason="fork")
def test_a_process_that_used_opencv_before_gets_its_workers_started(images) -> None:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        cv2.resize(np.zeros((2000, 2000, 3), np.uint8), (500, 500), interpolation=cv2.INTER_AREA)
        assert len(next(batches(*images, 1, pin_memory=False)).targets)
    finally:
        cv2.setNumThreads(threads)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_worker_is_the_error_itself(workers, images, tmp_path) -> None:
    for path in (tmp_path / "a").glob("*.png"):
        path.unlink()
    with pytest.raises(TrainingError) as error:
        next(batches(*images, workers, pin_memory=False))
    assert str(error.value).startswith("20 images in a row cannot be read any more")
    assert "Traceback" not in str(error.value)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_worker_that_is_killed_is_told(images, monkeypatch) -> None:
    monkeypatch.setattr(TrainingImages, "__getitem__", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(TrainingError, match=r"was ended from outside.*fewer --workers"):
        next(batches(*images, 1, pin_memory=False))
