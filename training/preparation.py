"""What a run starts from: the seen classes and the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import timm
import torch
from torch import Tensor

from training.backbone_weights import find_efficientnet_lite0, load_backbone_file, load_imagenet_backbone
from training.deepening import deepen_mask_head
from training.recipe import DataSpec, Recipe
from zsi_core.checkpoint import find_checkpoint, load_checkpoint
from zsi_core.coco.reader import read_coco
from zsi_core.errors import TrainingError
from zsi_core.model import ZSI, ModelConfig
from zsi_core.semantics.distractors import distractor_names, distractors
from zsi_core.semantics.names import class_key
from zsi_core.semantics.resolve import resolve_all
from zsi_core.semantics.split import ClassSplit, load_split
from zsi_core.semantics.table import WordTable


@dataclass(frozen=True)
class Vocabulary:
    """Seen classes of a run: names, and their unit word vectors (K, D) float32; and the unseen ones."""

    names: tuple[str, ...]
    vectors: Tensor
    unseen: tuple[str, ...] = ()


def seen_vocabulary(recipe: Recipe, table: WordTable, data_root: Path | None = None) -> Vocabulary:
    """Seen classes of the recipe's split, its extra ones, and its sets' own where it asks for them.

    Args:
        recipe: names them.
        table: their vectors.
        data_root: folder that the sets are relative to; needed for `own_classes`.

    Raises:
        SplitError: an extra class that the split has already, as a seen or an unseen one.
        TrainingError: a class to hold out that is none of the seen ones.
        NameResolutionError: a class without a word vector.
    """
    split = load_split(recipe.split)
    split = ClassSplit(f"{recipe.name} on {split.name}", split.seen + recipe.extra_seen, split.unseen)
    split = _without(split, recipe.held_out)
    seen, unseen = split.seen, split.unseen
    if recipe.own_classes:
        assert data_root is not None
        names = {class_key(n): n for spec in recipe.datasets for n in _categories(data_root, spec)}
        known = {class_key(n) for n in (*seen, *(unseen if recipe.zero_shot else ()))}
        seen += tuple(name for key, name in names.items() if key not in known)
        unseen = tuple(name for name in unseen if recipe.zero_shot or class_key(name) not in names)
    vectors = torch.from_numpy(np.array(resolve_all(table, seen)))
    return Vocabulary(seen, vectors, unseen)


def _without(split: ClassSplit, held_out: Sequence[str]) -> ClassSplit:
    """The split with some of its seen classes as unseen ones."""
    keys = {class_key(name) for name in held_out}
    if unknown := sorted(keys - {class_key(name) for name in split.seen}):
        raise TrainingError(f"held_out must name seen classes of {split.name}, but got {unknown[0]!r}")
    seen = tuple(name for name in split.seen if class_key(name) not in keys)
    return ClassSplit(split.name, seen, split.unseen + tuple(n for n in split.seen if class_key(n) in keys))


def contrastive_negatives(recipe: Recipe, table: WordTable, vocabulary: Vocabulary) -> Tensor | None:
    """Word vectors (N, D) that no region of the run is called: nouns, none near a seen or unseen class.

    None where the contrastive loss is off.
    """
    if not recipe.model.contrastive_weight:
        return None
    names = vocabulary.names + vocabulary.unseen
    _, vectors = distractors(table, np.array(resolve_all(table, names)), names, count=len(distractor_names()))
    return torch.from_numpy(vectors)


def _categories(data_root: Path, spec: DataSpec) -> list[str]:
    return [category.name for category in read_coco(data_root / spec.annotations).categories]


def build_model(
    recipe: Recipe, table: WordTable, start: Path | None, backbone_weights: Path | None = None
) -> tuple[ZSI, str | None]:
    """The network of a recipe, from ImageNet weights or from a checkpoint.

    Args:
        recipe: network configuration and seed.
        table: word table; gives the first background vector.
        start: checkpoint to go on from, by name or folder, or None. Its mask head may have fewer
            convolutions than the recipe's: the further ones begin as identities. An IoU head that it lacks
            begins at random.
        backbone_weights: file with ImageNet weights of the backbone; by default the installed
            package's.

    Returns:
        The network and the SHA-256 of the weights it starts from.

    Raises:
        TrainingError: the checkpoint has another network configuration, there is no such backbone, or no
            weights for it.
        WordTableError: the word table has another dimension, or is not the checkpoint's.
    """
    torch.manual_seed(recipe.seed)
    table.require(dimension=recipe.model.semantic_dimension)
    if start is not None:
        checkpoint = load_checkpoint(find_checkpoint(start))
        table.require(sha256=checkpoint.info.words_sha256)
        if recipe.model == ModelConfig():
            return checkpoint.model, checkpoint.sha256
        weights, given = deepen_mask_head(
            checkpoint.model.state_dict(), checkpoint.info.model, recipe.model.mask_convs
        )
        given = replace(given, iou_head=given.iou_head or recipe.model.iou_head)
        if not recipe.model.same_network(given):
            raise TrainingError(
                f"{start} was trained with another network configuration: leave [model] out of the recipe, "
                "or start from ImageNet weights"
            )
        model = ZSI(recipe.model, checkpoint.model.background_word)
        # Decoders, which only training has, and the IoU head begin at random where the checkpoint has none.
        model.load_state_dict({name: weights.get(name, own) for name, own in model.state_dict().items()})
        return model, checkpoint.sha256
    if not timm.is_model(recipe.model.backbone):
        raise TrainingError(
            f"timm {timm.__version__} has no backbone {recipe.model.backbone!r}: correct [model]"
        )
    model = ZSI(recipe.model, torch.from_numpy(np.array(table.vector("background"))))
    if backbone_weights is not None:
        load_backbone_file(model.backbone, backbone_weights)
    else:
        load_imagenet_backbone(model.backbone, find_efficientnet_lite0())
    return model, None
