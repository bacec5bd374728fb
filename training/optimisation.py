"""Length of a run, learning rates, parameter groups, optimizer."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import nn

from training.recipe import Recipe
from zsi_core.model import ZSI


def in_steps(recipe: Recipe, images_per_epoch: float, max_steps: int | None = None) -> Recipe:
    """The recipe with its length and milestones in steps, and no step beyond `max_steps`.

    Args:
        recipe: length in epochs or steps.
        images_per_epoch: images of an epoch, repeated ones counted as often as they appear.
        max_steps: cuts the run, schedule included.
    """
    steps, milestones = float(recipe.steps), recipe.milestones
    if recipe.epochs:
        per_epoch = max(images_per_epoch / recipe.batch_size, 1.0)
        steps = recipe.epochs * per_epoch
        milestones = tuple(float(round(milestone * per_epoch)) for milestone in milestones)
    whole = max(1, round(steps))
    return dataclasses.replace(
        recipe,
        steps=whole if max_steps is None else min(whole, max_steps),
        epochs=0.0,
        milestones=milestones,
    )


def rate_factor(recipe: Recipe, step: int) -> float:
    """Factor on the learning rate of a step, from 0.

    Linear warm-up from `warmup_ratio`; then a cosine down to zero, or `gamma` once for each milestone passed.
    """
    if step < recipe.warmup_steps:
        warm = recipe.warmup_ratio + (1.0 - recipe.warmup_ratio) * step / recipe.warmup_steps
    else:
        warm = 1.0
    if recipe.schedule == "steps":
        return warm * recipe.gamma ** sum(step >= milestone for milestone in recipe.milestones)
    after = max(0, step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    return warm * 0.5 * (1.0 + math.cos(math.pi * min(1.0, after)))


def parameter_groups(model: ZSI, recipe: Recipe) -> list[dict]:
    """Groups of trainable parameters: the backbone may learn slower, and vectors need not decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decays = recipe.decay_vectors or parameter.ndim > 1
            groups.setdefault((name.startswith("backbone.body"), decays), []).append(parameter)
    groups_of_rates = []
    for (in_backbone, decays), parameters in groups.items():
        rate = recipe.learning_rate * (recipe.backbone_rate if in_backbone else 1.0)
        decay = recipe.weight_decay if decays else 0.0
        groups_of_rates.append({"params": parameters, "lr": rate, "full_lr": rate, "weight_decay": decay})
    return groups_of_rates


def make_optimizer(model: ZSI, recipe: Recipe) -> torch.optim.Optimizer:
    """The optimizer of a recipe over the trainable parameters."""
    groups = parameter_groups(model, recipe)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=recipe.momentum)
    return torch.optim.AdamW(groups)


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set the learning rate of every group to its full one times a factor."""
    for group in optimizer.param_groups:
        group["lr"] = group["full_lr"] * factor
