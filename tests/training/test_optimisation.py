"""Length of a run, learning rates, parameter groups, optimizer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.optimisation import in_steps, make_optimizer, parameter_groups, rate_factor, set_rates


def test_the_rate_rises_then_falls_to_zero(make_recipe) -> None:
    recipe = make_recipe(steps=50, warmup_steps=10, warmup_ratio=0.1)
    rates = [rate_factor(recipe, step) for step in range(51)]
    assert rates[:10] == pytest.approx(0.1 + 0.09 * np.arange(10))
    assert rates[10] == 1.0
    assert rates[30] == pytest.approx(0.5)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[49] < 0.01
    assert rates[50] == pytest.approx(0.0)


def test_rates_without_warm_up_or_with_nothing_else(make_recipe) -> None:
    assert rate_factor(make_recipe(steps=10, warmup_steps=0), 0) == 1.0
    recipe = make_recipe(steps=3, warmup_steps=3, warmup_ratio=0.0)
    assert [rate_factor(recipe, step) for step in range(3)] == pytest.approx([0, 1 / 3, 2 / 3])


def test_the_published_schedule(make_recipe) -> None:
    """lr (1 - (1 - i / N) 2/3) while warming up, then a tenth after epochs 8 and 11 of 12."""
    published = make_recipe(
        batch_size=8,
        epochs=12,
        schedule="steps",
        milestones=(8, 11),
        warmup_steps=500,
        warmup_ratio=1 / 3,
    )
    recipe = in_steps(published, images_per_epoch=8_000)
    assert (recipe.steps, recipe.epochs, recipe.milestones) == (12_000, 0.0, (8_000, 11_000))
    warming = [rate_factor(recipe, step) for step in (0, 250, 499, 500)]
    assert warming == pytest.approx([1 / 3, 1 - 0.5 * 2 / 3, 1 - 0.002 * 2 / 3, 1])
    late = [rate_factor(recipe, step) for step in (7_999, 8_000, 10_999, 11_000, 11_999)]
    assert late == pytest.approx([1, 0.1, 0.1, 0.01, 0.01])


@pytest.mark.parametrize(
    ("fields", "images", "most", "steps"),
    [
        ({"steps": 7}, 100, None, 7),
        ({"steps": 7}, 100, 5, 5),
        ({"steps": 7}, 100, 9, 7),
        ({"epochs": 1.5, "batch_size": 4}, 10, None, 4),
        ({"epochs": 3, "batch_size": 8}, 4, None, 3),  # an epoch has at least one step
        ({"epochs": 0.01, "batch_size": 8}, 8, None, 1),
    ],
)
def test_the_length_of_a_run_in_steps(fields, images, most, steps, make_recipe) -> None:
    recipe = in_steps(make_recipe(**fields), images, most)
    assert (recipe.steps, recipe.epochs) == (steps, 0.0)
    assert in_steps(recipe, 10_000) == recipe, "steps stay steps"


def test_every_trainable_parameter_is_in_exactly_one_group(make_model, make_recipe) -> None:
    model = make_model()
    for parameter in model.backbone.body.get_submodule("conv_stem").parameters():
        parameter.requires_grad_(False)
    groups = parameter_groups(model, make_recipe(learning_rate=0.01, backbone_rate=0.5, weight_decay=0.1))
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(p) for p in model.parameters() if p.requires_grad}
    settings = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = 0.005 if name.startswith("backbone.body.") else 0.01
            decay = 0.0 if parameter.ndim <= 1 else 0.1
            assert settings[id(parameter)] == (rate, decay), name


def test_vectors_decay_too_where_the_recipe_says_so(make_model, make_recipe) -> None:
    groups = parameter_groups(make_model(), make_recipe(weight_decay=0.1, decay_vectors=True))
    assert {group["weight_decay"] for group in groups} == {0.1}


def test_the_optimizer_of_a_recipe(make_model, make_recipe) -> None:
    assert isinstance(make_optimizer(make_model(), make_recipe()), torch.optim.AdamW)
    sgd = make_optimizer(make_model(), make_recipe(optimizer="sgd", momentum=0.7, learning_rate=0.5))
    assert isinstance(sgd, torch.optim.SGD)
    assert {group["momentum"] for group in sgd.param_groups} == {0.7}
    set_rates(sgd, 0.1)
    assert {group["lr"] for group in sgd.param_groups} == {0.05, 0.025}
