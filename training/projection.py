"""Freeze, then project: fit T_e on cached features of the frozen network, which takes minutes on a CPU.

The network sees every image once or a few times and never again: what it makes of the regions is kept, and
T_e, T_d and the temperature are fitted on that. Boxes, masks and the background vector stay as they are.

Shapes
    R  cached regions    F  width of the visual feature f    D  length of a word vector    K  seen classes
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data import Batch
from training.recipe import Recipe
from zsi_core.errors import TrainingError
from zsi_core.model import ZSI

REGIONS_PER_IMAGE, POSITIVE_FRACTION = 48, 0.5
"""Fewer background regions than in full training: most of them are alike, and all are kept in memory."""

STEPS, REGIONS_PER_STEP = 1000, 1024
LEARNING_RATE = 1e-3
KEEP = 1.0
"""Weight of 1 - cos(e, e before) on background regions, which hold everything that is not labelled: without
it the projection forgets names that the new images do not show."""


@dataclass(frozen=True)
class Features:
    """What the frozen network makes of the regions of many images.

    Attributes:
        f: (R, F) float16.
        labels: (R,) int64, 0 background, k + 1 for row k of the vocabulary; -1 where only the teacher speaks.
        image: (R,) int64, row of `background`.
        background: v_b of each image, (images, D) float32.
        teacher: (R, D) float16, zero rows for none.
    """

    f: Tensor
    labels: Tensor
    image: Tensor
    background: Tensor
    teacher: Tensor


def fit_projection(
    model: ZSI,
    batches: Iterable[Batch],
    word_vectors: Tensor,
    recipe: Recipe,
    *,
    bf16: bool = False,
    tell: Callable[[str, int, int], None] = lambda *_: None,
) -> ZSI:
    """Fit T_e, T_d and the temperature of a network on its own features; everything else keeps its values.

    Args:
        model: trained in place, on whatever device it is.
        batches: training images; the first `recipe.steps` batches are read, once each.
        word_vectors: W_s, (K, D).
        recipe: `steps` and `seed`; weights of the losses are the model's.
        bf16: mixed precision for the frozen network.
        tell: is told what is being done, and how much of how much is.

    Returns:
        The model, in evaluation mode.

    Raises:
        TrainingError: the batches hold no object.
    """
    model.eval().requires_grad_(False)
    features = cache_features(model, batches, recipe.steps, bf16=bf16, tell=tell)
    if not (features.labels > 0).any():
        raise TrainingError("there is no object to fit the projection on: label some, or check the recipe")
    fit_on_features(model, features, word_vectors.to(features.f.device), seed=recipe.seed, tell=tell)
    return model.requires_grad_(True)


@torch.no_grad()
def cache_features(
    model: ZSI,
    batches: Iterable[Batch],
    count: int,
    *,
    bf16: bool = False,
    tell: Callable[[str, int, int], None] = lambda *_: None,
) -> Features:
    """Visual features of labelled, background and taught regions of the first `count` batches."""
    device = model.background_word.device
    parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    backgrounds: list[Tensor] = []
    for number, batch in zip(range(count), batches, strict=False):
        targets = [target.to(str(device)) for target in batch.targets]
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            regions = model.sampled_features(
                batch.images.to(device), batch.sizes, targets, REGIONS_PER_IMAGE, POSITIVE_FRACTION
            )
        for target, region in zip(targets, regions, strict=True):
            sampled = region.sampled
            taught = len(region.f) - len(sampled.labels)
            labels = F.pad(sampled.labels, (0, taught), value=-1)
            teacher = region.f.new_zeros(len(labels), len(model.background_word))
            if target.teacher is not None:
                teacher[labels > 0] = target.teacher[sampled.matched[sampled.labels > 0]].to(teacher)
            if target.taught_vectors is not None:
                teacher[len(sampled.labels) :] = target.taught_vectors.to(teacher)
            image = torch.full_like(labels, len(backgrounds))
            parts.append((region.f.half(), labels, image, teacher.half()))
            backgrounds.append(region.background.float())
        tell("reading images", number + 1, count)
    f, labels, image, teacher = (torch.cat(column) for column in zip(*parts, strict=True))
    return Features(f, labels, image, torch.stack(backgrounds), teacher)


def fit_on_features(
    model: ZSI,
    features: Features,
    word_vectors: Tensor,
    *,
    seed: int,
    tell: Callable[[str, int, int], None] = lambda *_: None,
) -> None:
    """Fit T_e, T_d and the temperature of a network whose other parameters need no gradient."""
    detector = model.detector
    with torch.no_grad():
        before = detector.T_e(features.f.float()).half()
    parameters = [*detector.T_e.parameters()]
    parameters += [] if detector.T_d is None else [*detector.T_d.parameters()]
    parameters += [] if detector.log_temperature is None else [detector.log_temperature]
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(parameters, LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    generator = torch.Generator().manual_seed(seed)
    for step in range(STEPS):
        rows = torch.randint(len(features.f), (REGIONS_PER_STEP,), generator=generator).to(features.f.device)
        optimizer.zero_grad()
        _loss(model, features, rows, word_vectors, before).backward()
        optimizer.step()
        schedule.step()
        tell("fitting the projection", step + 1, STEPS)


def _loss(model: ZSI, features: Features, rows: Tensor, word_vectors: Tensor, before: Tensor) -> Tensor:
    """The losses of the detector that T_e has a part in, and the one that keeps what it knew."""
    f, labels = features.f[rows].float(), features.labels[rows]
    e = model.detector.T_e(f)
    loss = model.config.reconstruction_weight * model.detector.reconstruction_loss(f, e)
    judged = labels >= 0
    scores = model.detector.scores(e[judged], word_vectors, features.background[features.image[rows[judged]]])
    loss = loss + F.cross_entropy(scores, labels[judged], reduction="sum") / max(int(judged.sum()), 1)
    teacher = features.teacher[rows].float()
    for weight, chosen, wanted in (
        (model.config.distillation_weight, teacher.abs().sum(dim=1) > 0, teacher),
        (KEEP, labels == 0, before[rows].float()),
    ):
        distance = 1.0 - F.cosine_similarity(e[chosen], wanted[chosen], dim=1)
        loss = loss + weight * distance.sum() / max(len(distance), 1)
    return loss
