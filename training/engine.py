"""The training step, on one device or on many.

Devices, processes and machines are accelerate's. Images of a step are dealt out to the processes, every
choice of anchors and regions is seeded by its image, and losses are divided by the counts of all processes:
two processes compute what one does with the batch of both.

Shapes
    B  images of this process    K  seen classes    D  length of a word vector
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from timm.utils import ModelEmaV3
from torch import Tensor

from training.data import Batch
from training.freezing import depthwise_in_float32, freeze
from training.optimisation import make_optimizer, rate_factor, set_rates
from training.recipe import Recipe
from zsi_core.errors import TrainingError
from zsi_core.model import ZSI
from zsi_core.model.former import Former
from zsi_core.model.loss_sums import LOSSES


def make_accelerator(device: str = "auto") -> Accelerator:
    """Devices and processes, as `accelerate launch` or `torchrun` started them, or one process.

    Args:
        device: "cpu", or "auto" for the best there is.
    """
    # A parameter may have no share in the loss of one process and one in that of another.
    handler = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(cpu=device == "cpu", mixed_precision="no", kwargs_handlers=[handler])


class Trainer:
    """Model, optimizer and averaged weights of a run; `step` trains on one batch."""

    def __init__(
        self,
        model: ZSI,
        recipe: Recipe,
        word_vectors: Tensor,
        *,
        bf16: bool,
        negatives: Tensor | None = None,
        former: ZSI | None = None,
        accelerator: Accelerator | None = None,
    ) -> None:
        """
        Args:
            model: is moved to the device of the accelerator and trained in place.
            recipe: with its length in steps.
            word_vectors: W_s, (K, D).
            bf16: mixed precision.
            negatives: further word vectors for the contrastive loss.
            former: the network as it was before the run, where the recipe has a `former_weight`.
            accelerator: by default one of the device that `word_vectors` are on.
        """
        self.accelerator = accelerator or make_accelerator(word_vectors.device.type)
        device = self.accelerator.device
        self.model = model.train().to(device).to(memory_format=torch.channels_last)
        self.recipe = recipe
        self.word_vectors = word_vectors.to(device)
        self.negatives = None if negatives is None else negatives.to(device)
        self.bf16 = bf16
        freeze(model.backbone, recipe.frozen_stages)
        if recipe.trained != "all":
            model.backbone.requires_grad_(False)
        elif bf16 and device.type == "cpu":
            depthwise_in_float32(model.backbone)
        self.former = None if former is None else self._held_to(former)
        self.optimizer = make_optimizer(model, recipe)
        set_rates(self.optimizer, rate_factor(recipe, 0))
        self.averaged = ModelEmaV3(model, recipe.ema_decay, use_warmup=True)
        self.network = self.accelerator.prepare_model(model)
        self.steps_done = 0

    def _held_to(self, network: ZSI) -> Former:
        network = network.eval().requires_grad_(False)
        network = network.to(self.accelerator.device).to(memory_format=torch.channels_last)
        if self.recipe.trained != "all":
            network.backbone = self.model.backbone
        return Former(network, self.recipe.former_weight)

    def step(self, batch: Batch) -> dict[str, float]:
        """One optimizer step on this process's share of a batch.

        Returns:
            Every loss and their sum `loss`, of all processes together.

        Raises:
            TrainingError: the loss or its gradient is not finite; the weights stay as they were.
        """
        # Whatever is random beyond the data, such as dropout, can be repeated after an interruption.
        _seed(self.recipe.seed, self.steps_done, self.accelerator.process_index)
        self.optimizer.zero_grad()
        parts = list(_parts(batch, self.recipe.accumulation_steps))
        sums = torch.zeros(len(LOSSES), device=self.accelerator.device)
        for number, part in enumerate(parts, start=1):
            synchronise = number == len(parts)
            with nullcontext() if synchronise else self.accelerator.no_sync(self.network):
                sums += self._backward(part, 1.0 / len(parts))
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        assert norm is not None
        if self.accelerator.num_processes > 1:
            sums = self.accelerator.reduce(sums, "mean")
        *figures, norm_value = torch.cat([sums, norm.detach().to(sums).reshape(1)]).tolist()
        values = {name: v for name, v in zip(LOSSES, figures, strict=True) if name in self._present or v}
        values["loss"] = math.fsum(figures)
        if not math.isfinite(values["loss"]):
            raise TrainingError(f"the loss is not finite ({values}): lower learning_rate in the recipe")
        if not math.isfinite(norm_value):
            raise TrainingError(f"the gradient is not finite ({values}): lower learning_rate in the recipe")
        self.optimizer.step()
        self.steps_done += 1
        set_rates(self.optimizer, rate_factor(self.recipe, self.steps_done))
        self.averaged.update(self.model, self.steps_done)
        return values

    def _backward(self, part: Batch, weight: float) -> Tensor:
        """Add the gradient of some images; returns the losses, (len(LOSSES),), times their weight."""
        device = self.accelerator.device
        images = part.images.to(device, non_blocking=True)
        targets = [target.to(str(device)) for target in part.targets]
        with torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
            losses = self.network(
                images, part.sizes, self.word_vectors, targets, self.negatives, self._share, self.former
            )
        self._present = set(losses)
        self.accelerator.backward(weight * sum(losses.values(), torch.zeros((), device=device)))
        nothing = torch.zeros((), device=device)
        return weight * torch.stack([losses.get(name, nothing).detach().float() for name in LOSSES])

    def _share(self, counts: Tensor) -> Tensor:
        """Mean of counts over all processes; the published training divides by those of each."""
        if self.accelerator.num_processes == 1 or self.model.config.conventions == "mmdetection":
            return counts
        return self.accelerator.reduce(counts, "mean")

    def averaged_model(self) -> ZSI:
        """The averaged weights, which are what gets saved."""
        assert isinstance(self.averaged.module, ZSI)
        return self.averaged.module

    # ----------------------------------------------------------------- state

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, besides the recipe and the number of steps done."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"averaged.{name}": t for name, t in self.averaged_model().state_dict().items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                if value is not None:
                    tensors[f"optimizer.{key}.{name}"] = value
        return tensors

    def restore(self, tensors: Mapping[str, Tensor], steps_done: int) -> None:
        """Go on from a `state`.

        Raises:
            TrainingError: it is the state of another network.
        """
        try:
            self.model.load_state_dict(_below("model.", tensors))
            self.averaged_model().load_state_dict(_below("averaged.", tensors))
        except RuntimeError as error:
            detail = str(error).splitlines()[-1].strip()
            raise TrainingError(
                f"the state of the run does not fit its recipe ({detail}): start the run again"
            ) from error
        parameters = dict(self.model.named_parameters())
        for full_name, value in _below("optimizer.", tensors).items():
            key, _, name = full_name.partition(".")
            parameter = parameters[name]
            if key != "step":  # in the memory layout of the parameter
                value = torch.empty_like(parameter).copy_(value)
            self.optimizer.state[parameter][key] = value
        self.steps_done = steps_done
        set_rates(self.optimizer, rate_factor(self.recipe, steps_done))


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def _parts(batch: Batch, count: int) -> Iterator[Batch]:
    """A batch in `count` parts of one size."""
    size = -(-len(batch.sizes) // count)
    for first in range(0, len(batch.sizes), size):
        rows = slice(first, first + size)
        yield Batch(batch.images[rows], batch.sizes[rows], batch.targets[rows], [])


def _seed(*entropy: int) -> None:
    torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]))
