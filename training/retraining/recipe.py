"""The recipe of a retraining: a file of `training/recipes` with the sets and classes of a plan."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.recipe import DataSpec, Recipe, load_recipe
from training.retraining.rehearsal import rehearsal_set
from zsi_core.checkpoint import CheckpointInfo
from zsi_core.coco import read_coco
from zsi_core.errors import TrainingError
from zsi_core.files import atomic_write
from zsi_core.model import ModelConfig
from zsi_core.retraining import COMPLETE, PARTIAL, RetrainingPlan
from zsi_core.semantics import class_key
from zsi_core.semantics.relations import NEAR_DUPLICATE
from zsi_core.semantics.resolve import resolve_all
from zsi_core.semantics.table import WordTable

SPLIT = "split.toml"

MASKS = 16
"""Most regions of an image that train the mask head."""


def retraining_recipe(plan: RetrainingPlan, folder: Path, parent: CheckpointInfo) -> Recipe:
    """The recipe of a run folder; writes the class split that it names.

    Seen classes are those of the model it starts from and the trained ones of the plan, in this order.

    Args:
        parent: of the model it starts from.

    Raises:
        TrainingError: the model has a part for each seen class, or the split cannot be written.
        AnnotationError: an annotation file is missing or damaged.
    """
    if parent.model.box_slots:
        raise TrainingError(
            f"{plan.model} has a box regression for each of its seen classes, and none for further ones: "
            "start from a model of the default profile, such as starter"
        )
    seen = all_seen(plan, parent)
    lines = [f"name = {_toml(Path(plan.project).stem)}", f"seen = {_toml(seen)}", "unseen = []"]
    try:
        with atomic_write(folder / SPLIT, "w") as stream:
            stream.write("\n".join(lines) + "\n")
    except OSError as error:
        raise TrainingError(
            f"{folder / SPLIT} cannot be written ({error.strerror}): free some space"
        ) from error
    specs = (
        DataSpec("completely labelled", COMPLETE, plan.images),
        DataSpec("partly labelled", PARTIAL, plan.images, labelled=plan.trained),
    )
    used = tuple(spec for spec in specs if read_coco(folder / spec.annotations).images)
    recipe = load_recipe(f"retrain_{plan.recipe}")
    if recipe.rehearsal:
        used = (*used, rehearsal_set(plan.training_images, recipe.rehearsal))
    # Absolute, so that the run goes on from any working directory.
    return replace(
        recipe,
        split=str((folder / SPLIT).resolve()),
        extra_seen=(),
        own_classes=False,
        model=_network(parent),
        datasets=used,
    )


def _network(parent: CheckpointInfo) -> ModelConfig:
    """The network as a retraining trains it.

    Without decoders: a shipped model has none, and random ones would pull the features about. With fewer
    masks, which take most of the time of a step.
    """
    masks = min(parent.model.masks_train, MASKS)
    return replace(parent.model, detector_decoder=False, mask_decoder=False, masks_train=masks)


def all_seen(plan: RetrainingPlan, parent: CheckpointInfo) -> tuple[str, ...]:
    """Seen classes of the new model."""
    known = {class_key(name) for name in parent.seen}
    return parent.seen + tuple(name for name in plan.trained if class_key(name) not in known)


def near_duplicates(plan: RetrainingPlan, parent: CheckpointInfo, table: WordTable) -> Iterator[str]:
    """A sentence for each trained class that means nearly the same as another seen class.

    Raises:
        NameResolutionError: a class has no word vector.
    """
    seen = all_seen(plan, parent)
    vectors = np.array(resolve_all(table, seen))
    cosines = vectors @ vectors.T
    trained = {class_key(name) for name in plan.trained}
    for row, name in enumerate(seen):
        if class_key(name) not in trained:
            continue
        for other in range(row):
            if cosines[row, other] >= NEAR_DUPLICATE:
                yield (
                    f"“{name}” and “{seen[other]}” mean nearly the same (cosine {cosines[row, other]:.2f}): "
                    "the model will hardly tell them apart. Use one name for both, or names that differ"
                )


def _toml(value: str | Sequence[str]) -> str:
    return json.dumps(value, ensure_ascii=False)
