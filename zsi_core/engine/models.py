"""What the dialog of models shows: the installed ones with their cards, and devices to compute on.

Heavy: import it in the engine only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from zsi_core.checkpoint import installed_models, read_info
from zsi_core.checkpoint.registry import packaged_models_dir
from zsi_core.checkpoint.store import CARD, WEIGHTS
from zsi_core.engine.replies import InstalledModels, ModelCard, Origin
from zsi_core.errors import CheckpointError
from zsi_core.files import user_models_dir
from zsi_core.inference import Segmenter

_FIGURES = (
    ("Recall@100 at IoU 0.5, unseen classes", ("recall@100", "0.5")),
    ("mAP at IoU 0.5, unseen classes", ("map50",)),
    ("GZSI recall, harmonic mean", ("harmonic_mean", "recall@100", "0.5")),
    ("GZSI mAP, harmonic mean", ("harmonic_mean", "map50")),
    ("Recall of any object (AR@100)", ("ar100_agnostic",)),
)
"""What is shown of a checkpoint's metrics: heading, and where it stands in `metrics.json`."""


def list_models() -> InstalledModels:
    """Every installed model, damaged ones with their problem, and the devices of this machine."""
    return InstalledModels(tuple(map(_card, installed_models().values())), _devices())


def check_model(folder: Path) -> ModelCard:
    """The card of a checkpoint folder, after everything in it was loaded once.

    Raises:
        ZsiError: it could not be used; the message says why.
    """
    Segmenter.load(folder, device="cpu")
    return _card(folder)


def _card(folder: Path) -> ModelCard:
    weights, card = folder / WEIGHTS, folder / CARD
    profile, problem = "", ""
    seen: tuple[str, ...] = ()
    figures: tuple[tuple[str, float], ...] = ()
    try:
        info = read_info(folder)
        profile, seen, figures = info.profile, info.seen, _figures(info.metrics)
    except CheckpointError as error:
        problem = str(error)
    try:
        status = weights.stat()
        written = datetime.fromtimestamp(status.st_mtime, UTC).date().isoformat()
        megabytes = sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 1e6
    except OSError as error:
        written, megabytes = "", 0.0
        problem = problem or f"{weights} cannot be read ({error.strerror}): copy the checkpoint again"
    return ModelCard(
        name=folder.name,
        folder=str(folder),
        origin=_origin(folder),
        profile=profile,
        seen=seen,
        figures=figures,
        written=written,
        megabytes=round(megabytes, 1),
        text=card.read_text(encoding="utf-8", errors="replace") if card.is_file() else "",
        problem=problem,
    )


def _origin(folder: Path) -> Origin:
    if folder.parent == packaged_models_dir():
        return "packaged"
    return "own" if folder.parent == user_models_dir() else "elsewhere"


def _figures(metrics: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    found = []
    for heading, keys in _FIGURES:
        value: Any = metrics
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, float | int):
            found.append((heading, float(value)))
    return tuple(found)


def _devices() -> tuple[tuple[str, str], ...]:
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return (("cpu", "Processor"), *((f"cuda:{index}", name) for index, name in enumerate(names)))
