"""One training run in one process."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import timm
import torch
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from torch.utils.data import DataLoader

from training.backbone_weights import find_efficientnet_lite0, load_imagenet_backbone
from training.data import Batch, Batches, TrainingImages, collate, read_samples
from training.freezing import depthwise_in_float32, freeze
from training.log import RunLog
from training.recipe import Recipe
from zsi_core.checkpoint import (
    CheckpointInfo,
    find_checkpoint,
    load_checkpoint,
    save_checkpoint,
    vectors_sha256,
)
from zsi_core.errors import TrainingError
from zsi_core.inference.preprocessing import PREPROCESSING
from zsi_core.model import ZSI
from zsi_core.semantics.resolve import resolve_all
from zsi_core.semantics.split import ClassSplit, load_split
from zsi_core.semantics.table import WordTable

LOG_EVERY = 10


@dataclass(frozen=True)
class Vocabulary:
    """Seen classes of a run: names, and their unit word vectors (K, D) float32; and the unseen ones."""

    names: tuple[str, ...]
    vectors: Tensor
    unseen: tuple[str, ...] = ()


def seen_vocabulary(recipe: Recipe, table: WordTable) -> Vocabulary:
    """Seen classes of the recipe's split and its extra ones.

    Raises:
        SplitError: an extra class that the split has already, as a seen or an unseen one.
    """
    split = load_split(recipe.split)
    split = ClassSplit(f"{recipe.name} on {split.name}", split.seen + recipe.extra_seen, split.unseen)
    vectors = torch.from_numpy(np.array(resolve_all(table, split.seen)))
    return Vocabulary(split.seen, vectors, split.unseen)


def build_model(recipe: Recipe, table: WordTable, start: Path | None) -> tuple[ZSI, str | None]:
    """The network of a recipe, from ImageNet weights or from a checkpoint.

    Args:
        recipe: network configuration and seed.
        table: word table; gives the first background vector.
        start: checkpoint to go on from, by name or folder, or None.

    Returns:
        The network and the SHA-256 of the weights it starts from.

    Raises:
        TrainingError: the checkpoint has another network configuration, or there is no such backbone.
        WordTableError: the word table has another dimension, or is not the checkpoint's.
    """
    torch.manual_seed(recipe.seed)
    table.require(dimension=recipe.model.semantic_dimension)
    if start is not None:
        checkpoint = load_checkpoint(find_checkpoint(start))
        table.require(sha256=checkpoint.info.words_sha256)
        if checkpoint.info.model != recipe.model:
            raise TrainingError(
                f"{start} was trained with another network configuration: make [model] of the recipe equal "
                "to the one in its config.json, or start from ImageNet weights"
            )
        return checkpoint.model, checkpoint.sha256
    if not timm.is_model(recipe.model.backbone):
        raise TrainingError(
            f"timm {timm.__version__} has no backbone {recipe.model.backbone!r}: correct [model]"
        )
    model = ZSI(recipe.model, torch.from_numpy(np.array(table.vector("background"))))
    load_imagenet_backbone(model.backbone, find_efficientnet_lite0())
    return model, None


def rate_factor(step: int, steps: int, warmup: int) -> float:
    """Factor on the learning rate: linear warm-up, then cosine to zero."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))


def parameter_groups(model: ZSI, recipe: Recipe) -> list[dict]:
    """AdamW groups: the backbone learns slower, and vectors (biases, norms, scales) do not decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = (name.startswith("backbone.body"), parameter.ndim > 1)
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": recipe.learning_rate * (recipe.backbone_rate if in_backbone else 1.0),
            "weight_decay": recipe.weight_decay if decays else 0.0,
        }
        for (in_backbone, decays), parameters in groups.items()
    ]


class Trainer:
    """Model, optimizer and averaged weights of a run; `step` trains on one batch."""

    def __init__(self, model: ZSI, recipe: Recipe, word_vectors: Tensor, *, bf16: bool) -> None:
        self.model = model.train().to(memory_format=torch.channels_last)
        self.recipe = recipe
        self.word_vectors = word_vectors
        self.bf16 = bf16
        freeze(model.backbone, recipe.frozen_stages)
        if bf16 and word_vectors.device.type == "cpu":
            depthwise_in_float32(model.backbone)
        self.optimizer = torch.optim.AdamW(parameter_groups(model, recipe))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: rate_factor(step, recipe.steps, recipe.warmup_steps)
        )
        self.averaged = ModelEmaV3(model, recipe.ema_decay, use_warmup=True)
        self.steps_done = 0

    def step(self, batch: Batch) -> dict[str, float]:
        """One optimizer step.

        Raises:
            TrainingError: the loss or its gradient is not finite; the weights stay as they were.
        """
        images, sizes, targets, _ = batch
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bf16):
            losses = self.model(images, sizes, self.word_vectors, targets)
        total = sum(losses.values(), torch.zeros(()))
        values = {name: float(loss.detach()) for name, loss in losses.items()} | {
            "loss": float(total.detach())
        }
        if not math.isfinite(values["loss"]):
            raise TrainingError(f"the loss is not finite ({values}): lower learning_rate in the recipe")
        self.optimizer.zero_grad()
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        if not math.isfinite(norm):
            raise TrainingError(f"the gradient is not finite ({values}): lower learning_rate in the recipe")
        self.optimizer.step()
        self.schedule.step()
        self.steps_done += 1
        self.averaged.update(self.model, self.steps_done)
        return values

    def averaged_model(self) -> ZSI:
        """The averaged weights, which are what gets saved."""
        assert isinstance(self.averaged.module, ZSI)
        return self.averaged.module


def train(
    recipe: Recipe,
    data_root: Path,
    out: Path,
    *,
    start: Path | None = None,
    teacher_dir: Path | None = None,
    workers: int = 0,
    bf16: bool = True,
    checkpoint_every: int = 250,
) -> Path:
    """Run a recipe to its end.

    Args:
        recipe: what to train.
        data_root: folder that the recipe's sets are relative to.
        out: folder for `log.jsonl` and `checkpoint/`.
        start: checkpoint to start from; ImageNet weights otherwise.
        teacher_dir: teacher files, needed if the recipe distils.
        workers: processes that read images.
        bf16: mixed precision.
        checkpoint_every: steps between intermediate checkpoints of the averaged weights.

    Returns:
        The checkpoint folder.

    Raises:
        ZsiError: whatever keeps the run from starting or going on; the log says it too.
    """
    log = RunLog(out)
    with log.errors():
        if recipe.teacher and teacher_dir is None:
            raise TrainingError(
                "this recipe distils a teacher: give the folder of teacher vectors with --teacher"
            )
        table = WordTable.bundled()
        vocabulary = seen_vocabulary(recipe, table)
        samples, counts = read_samples(recipe, data_root, vocabulary.names, vocabulary.unseen)
        images = TrainingImages(samples, recipe, table.dimension, teacher_dir if recipe.teacher else None)
        model, parent = build_model(recipe, table, start)
        trainer = Trainer(model, recipe, vocabulary.vectors, bf16=bf16)
        info = CheckpointInfo(
            model=recipe.model,
            seen=vocabulary.names,
            seen_sha256=vectors_sha256(vocabulary.vectors.numpy()),
            words_sha256=table.sha256,
            preprocessing=PREPROCESSING,
            recipe=recipe.to_dict(),
            parent=parent,
        )
        loader = DataLoader(
            images,
            batch_sampler=Batches(samples, recipe),
            collate_fn=collate,
            num_workers=workers,
            generator=torch.Generator().manual_seed(recipe.seed),
        )
        log.write(
            "started",
            steps_total=recipe.steps,
            images=len(samples),
            sets=[asdict(count) for count in counts],
            message=recipe.name,
        )
        began = time.monotonic()
        for number, batch in enumerate(_first(iter(loader), recipe.steps), start=1):
            losses = trainer.step(batch)
            if batch.lost:
                log.write(
                    "report",
                    step=number,
                    skipped=[asdict(lost) for lost in batch.lost],
                    message=f"{len(batch.lost)} images cannot be read any more: others took their places",
                )
            if number % LOG_EVERY == 0 or number == recipe.steps:
                per_step = (time.monotonic() - began) / number
                log.write(
                    "step",
                    step=number,
                    steps_total=recipe.steps,
                    images_per_second=recipe.batch_size / per_step,
                    eta_seconds=(recipe.steps - number) * per_step,
                    losses=losses,
                )
            if number % checkpoint_every == 0 or number == recipe.steps:
                save_checkpoint(
                    out / "checkpoint",
                    trainer.averaged_model(),
                    info,
                    f"# {recipe.name}, step {number}\n",
                    with_decoders=True,
                )
                log.write("checkpoint", step=number, message=str(out / "checkpoint"))
        log.write("finished", step=recipe.steps, steps_total=recipe.steps)
    return out / "checkpoint"


def _first(batches: Iterator[Batch], count: int) -> Iterator[Batch]:
    for _ in range(count):
        yield next(batches)
