"""From the checkpoint of a run to the one in the package."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from training.calibration import calibrate
from zsi_core.checkpoint import load_checkpoint, save_checkpoint
from zsi_core.checkpoint.store import CARD
from zsi_core.inference import Segmenter
from zsi_core.semantics.split import load_split
from zsi_core.semantics.table import WordTable

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
) -> dict[str, float]:
    """Calibrate a checkpoint and write it without what only training needs.

    Args:
        checkpoint: folder of a run's checkpoint.
        out: folder to write.
        annotations, images: development set for the calibration, never one that figures are reported on.
        split: whose unseen names are asked for.
        card: model card; by default the checkpoint's own.
        metrics: `metrics.json` to store.

    Returns:
        The figures that chose the calibration.
    """
    loaded = load_checkpoint(checkpoint)
    segmenter = Segmenter(loaded, WordTable.bundled())
    calibration, figures = calibrate(segmenter, annotations, images, load_split(split).unseen)
    measured = {} if metrics is None else _headlines(json.loads(metrics.read_text(encoding="utf-8")))
    info = replace(
        loaded.info,
        calibration=asdict(calibration),
        metrics={**measured, "calibration_chosen_on": {"set": annotations.parent.name, **figures}},
    )
    text = (card or checkpoint / CARD).read_text(encoding="utf-8")
    save_checkpoint(out, loaded.model, info, text)
    return figures


def _headlines(metrics: dict[str, Any]) -> dict[str, Any]:
    return {key: metrics[key] for key in HEADLINES if key in metrics}
