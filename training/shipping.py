"""From the checkpoint of a run to the one in the package."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from training.backbone_weights import find_efficientnet_lite0
from training.calibration import calibrate
from training.teacher import NETWORK, ImageNetTeacher
from zsi_core.checkpoint import CheckpointInfo, SecondOpinionInfo, load_checkpoint, save_checkpoint
from zsi_core.checkpoint.store import CARD
from zsi_core.inference import Segmenter
from zsi_core.inference.second_opinion import second_opinion_file
from zsi_core.semantics.split import load_split
from zsi_core.semantics.table import WordTable

OPINION_REGIONS = 16
OPINION_SIDE = 160
"""More regions and larger crops name no better on `coco_boxes_dev_unseen`, and cost time at every image."""

HEADLINES = (
    *("split", "protocol", "images", "recall@100", "map50", "frequent", "seen", "unseen"),
    *("harmonic_mean", "strict", "ar100_agnostic", "bootstrap"),
)
"""What a checkpoint stores of a `metrics.json`: its figures, without single classes and paths."""


def ship(
    checkpoint: Path,
    out: Path,
    *,
    annotations: Path,
    images: Path,
    split: str,
    card: Path | None = None,
    metrics: Path | None = None,
    second_opinion: float = 0.0,
) -> dict[str, float]:
    """Calibrate a checkpoint and write it without what only training needs.

    Args:
        checkpoint: folder of a run's checkpoint.
        out: folder to write.
        annotations, images: development set for the calibration, never one that figures are reported on. For
            a run that held classes out this can be a training set: images that show them trained nothing.
        split: whose unseen names are asked for, unless the run held classes out: then it is those.
        card: model card; by default the checkpoint's own.
        metrics: `metrics.json` to store.
        second_opinion: weight of an ImageNet classifier's answer, put beside the network; 0 for none.

    Returns:
        The figures that chose the calibration.
    """
    loaded = load_checkpoint(checkpoint)
    text = (card or checkpoint / CARD).read_text(encoding="utf-8")
    info, classifier = replace(loaded.info, second_opinion=None), None
    if second_opinion:
        info, classifier = _with_classifier(info, second_opinion)
    with tempfile.TemporaryDirectory() as folder:
        uncalibrated = Path(folder, "model")
        save_checkpoint(uncalibrated, loaded.model, info, text, second_opinion=classifier)
        segmenter = Segmenter.load(uncalibrated, device="cpu")
    names = tuple(info.recipe.get("held_out", ())) or load_split(split).unseen
    calibration, figures = calibrate(segmenter, annotations, images, names)
    measured = {} if metrics is None else _headlines(json.loads(metrics.read_text(encoding="utf-8")))
    info = replace(
        info,
        calibration=asdict(calibration),
        metrics={**measured, "calibration_chosen_on": {"set": annotations.parent.name, **figures}},
    )
    save_checkpoint(out, loaded.model, info, text, second_opinion=classifier)
    return figures


def _with_classifier(info: CheckpointInfo, weight: float) -> tuple[CheckpointInfo, bytes]:
    """A description with a second opinion, and the classifier's file."""
    classifier = ImageNetTeacher(find_efficientnet_lite0(), WordTable.bundled())
    content = second_opinion_file(classifier)
    digest = hashlib.sha256(content).hexdigest()
    opinion = SecondOpinionInfo(NETWORK, digest, weight, OPINION_REGIONS, OPINION_SIDE)
    return replace(info, second_opinion=opinion), content


def _headlines(metrics: dict[str, Any]) -> dict[str, Any]:
    return {key: metrics[key] for key in HEADLINES if key in metrics}
