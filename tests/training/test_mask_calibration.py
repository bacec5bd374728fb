"""The probability from which on a pixel belongs to a mask."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training import mask_calibration
from training.mask_calibration import best_mask_threshold
from zsi_core.images import read_image
from zsi_core.inference import Segmenter
from zsi_core.instances import rle


def write(folder: Path, segmentations: list) -> tuple[Path, Path]:
    """COCO file of one noise image with objects at one place."""
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "a.png")
    annotations = [
        {"id": i, "image_id": 1, "category_id": 1, "bbox": [10, 10, 60, 60], "segmentation": each}
        for i, each in enumerate(segmentations, start=1)
    ]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 120, "height": 90}],
        "categories": [{"id": 1, "name": "dog"}],
        "annotations": annotations,
    }
    (folder / "a.json").write_text(json.dumps(content))
    return folder / "a.json", folder


@pytest.fixture
def segmenter(tiny_checkpoint: Path, same_arithmetic) -> Segmenter:
    return Segmenter.load(tiny_checkpoint, device="cpu")


@pytest.mark.parametrize("wanted", [0.48, 0.52])
def test_the_threshold_that_made_the_masks_is_found(
    segmenter: Segmenter, tmp_path: Path, wanted: float, monkeypatch
) -> None:
    # Random weights are sure of nothing: only around their own probabilities do thresholds make a difference.
    monkeypatch.setattr(mask_calibration, "MASK_THRESHOLDS", (0.48, 0.5, 0.52))
    _, images = write(tmp_path, [])
    given = segmenter.calibration
    segmenter.calibration = replace(given, mask_threshold=wanted)
    encoded = segmenter.encode(read_image(images / "a.png"))
    mask = segmenter.segment_box(encoded, (10, 10, 70, 70), "dog").masks[0]
    segmenter.calibration = given
    made = {"size": [90, 120], "counts": rle.to_counts(mask).tolist()}
    assert best_mask_threshold(segmenter, *write(tmp_path, [made])) == (wanted, pytest.approx(1.0))
    assert segmenter.calibration == given


def test_a_set_without_masks_leaves_one_half(segmenter: Segmenter, tmp_path: Path) -> None:
    assert best_mask_threshold(segmenter, *write(tmp_path, [[]])) == (0.5, 0.0)


def test_a_lower_threshold_makes_larger_masks(segmenter: Segmenter, tmp_path: Path) -> None:
    _, images = write(tmp_path, [])
    encoded = segmenter.encode(read_image(images / "a.png"))
    area = []
    for threshold in (0.55, 0.5, 0.45):
        segmenter.calibration = replace(segmenter.calibration, mask_threshold=threshold)
        area.append(int(rle.areas(segmenter.segment_box(encoded, (10, 10, 70, 70), "dog").masks)[0]))
    assert area == sorted(area)
    assert area[0] < area[-1]
