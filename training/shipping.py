"""From the checkpoint of a run to the one in the package."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from training.calibration import calibrate
from zsi_core.checkpoint import load_checkpoint, save_checkpoint
from zsi_core.inference import Segmenter
from zsi_core.semantics.split import load_split
from zsi_core.semantics.table import WordTable


def ship(
    checkpoint: Path,
    out: Path,
    card: str,
    *,
    annotations: Path,
    images: Path,
    split: str,
    metrics: dict[str, Any],
) -> dict[str, float]:
    """Calibrate a checkpoint and write it without what only training needs.

    Args:
        checkpoint: folder of a run's checkpoint.
        out: folder to write.
        card: model card.
        annotations, images: development set for the calibration, never one that figures are reported on.
        split: whose unseen names are asked for.
        metrics: measured figures to store.

    Returns:
        The figures that chose the calibration.
    """
    loaded = load_checkpoint(checkpoint)
    segmenter = Segmenter(loaded, WordTable.bundled())
    calibration, figures = calibrate(segmenter, annotations, images, load_split(split).unseen)
    info = replace(
        loaded.info,
        calibration=asdict(calibration),
        metrics={**metrics, "calibration": {"annotations": annotations.parent.name, **figures}},
    )
    save_checkpoint(out, loaded.model, info, card)
    return figures
