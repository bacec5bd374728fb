"""The new model of a retraining, complete: calibrated, with a card, and with what its parent brings along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.calibration import best_threshold
from training.report.metrics import metrics_blocks
from training.report.page import to_markdown
from training.shipping import HEADLINES
from zsi_core.checkpoint import SECOND_OPINION, CheckpointInfo, load_checkpoint, read_info, save_checkpoint
from zsi_core.checkpoint.store import WORDS
from zsi_core.errors import CheckpointError
from zsi_core.inference import Segmenter
from zsi_core.inference.scoring import Calibration
from zsi_core.retraining import RetrainingPlan


def ship_retrained(
    checkpoint: Path,
    parent: Path,
    out: Path,
    *,
    plan: RetrainingPlan,
    held_out_sample: Path,
) -> Path:
    """Write the new model, without figures and card yet.

    The exponent of objectness, the penalty of seen names and the mask threshold are the parent's: they are
    for names that neither model was trained on. The threshold of scores is chosen on held-out images, whose
    figures do not depend on it.

    Args:
        checkpoint: of the training run.
        parent: checkpoint that it started from.
        out: folder to write.
        held_out_sample: annotation file.

    Raises:
        CheckpointError: a checkpoint cannot be read or written.
    """
    given = read_info(parent)
    loaded = load_checkpoint(checkpoint)
    info = replace(
        loaded.info,
        model=given.model,
        preprocessing=given.preprocessing,
        calibration=given.calibration,
        profile=given.profile,
        second_opinion=given.second_opinion,
    )
    _save(out, loaded.model, info, "", parent)
    segmenter = Segmenter.load(out, device="cpu")
    chosen = Calibration.from_dict(info.calibration)
    threshold = best_threshold(segmenter, held_out_sample, Path(plan.images), plan.trained, chosen)
    if threshold is not None:
        info = replace(info, calibration={**info.calibration, "threshold": threshold})
        _save(out, loaded.model, info, "", parent)
    return out


def describe(
    model: Path,
    *,
    parent: Path,
    plan: RetrainingPlan,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    kept: float | None,
    seconds: float,
) -> None:
    """Add figures and card to a shipped model; its weights stay as they are.

    Raises:
        CheckpointError: it cannot be read or written.
    """
    loaded = load_checkpoint(model)
    metrics = {key: after[key] for key in HEADLINES if key in after}
    info = replace(
        loaded.info, metrics={**metrics, "before": {k: before[k] for k in HEADLINES if k in before}}
    )
    _save(model, loaded.model, info, _card(info, parent, plan, before, after, kept, seconds), parent)


def _save(out: Path, model: Any, info: CheckpointInfo, card: str, parent: Path) -> None:
    save_checkpoint(
        out,
        model,
        info,
        card,
        words=_file(parent / WORDS) if (parent / WORDS).is_file() else None,
        second_opinion=None if info.second_opinion is None else _file(parent / SECOND_OPINION),
    )


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}): install the model again") from error


def _card(
    info: CheckpointInfo,
    parent: Path,
    plan: RetrainingPlan,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    kept: float | None,
    seconds: float,
) -> str:
    rows = [
        ("made from", f"`{parent.name}`, weights {str(info.parent)[:12]}"),
        ("project", Path(plan.project).name),
        ("recipe", f"{plan.recipe}, {info.recipe['steps']} steps of {info.recipe['batch_size']} images"),
        ("duration", f"{seconds / 60:.0f} min"),
        ("images", f"{plan.training_images} trained on, {plan.complete_images} of them labelled completely; "
                   f"{plan.held_out_images} held out"),
        ("seen classes", f"{len(info.seen)}"),
    ]  # fmt: skip
    if kept is not None:
        rows.append(("kept", f"{100 * kept:.0f} % of what the old model finds under names never trained on"))
    lines = [f"# {parent.name}, retrained on {Path(plan.project).stem}", "", "| | |", "|---|---|"]
    lines += [f"| {what} | {value} |" for what, value in rows]
    lines += ["", "| class | objects trained on | images | objects held out |", "|---|---|---|---|"]
    lines += [
        f"| {c.name}{'' if c.trained else ' (not trained)'} | {c.objects} | {c.images} | {c.held_out} |"
        for c in plan.classes
    ]
    return "\n".join(lines) + "\n\n" + to_markdown(_figures(before, after), "")


def _figures(before: Mapping[str, Any], after: Mapping[str, Any]) -> Sequence[Any]:
    return list(metrics_blocks(before, after)) if after else []
