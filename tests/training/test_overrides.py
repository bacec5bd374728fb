"""Values of a recipe changed on the command line."""

from __future__ import annotations

import pytest

from training.overrides import override
from training.recipe import load_recipe
from zsi_core.errors import TrainingError


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ("steps=7", ("steps",), 7),
        ("learning_rate=1e-3", ("learning_rate",), 0.001),
        ("teacher = false", ("teacher",), False),
        ("split=coco_48_17", ("split",), "coco_48_17"),
        ('split="coco_48_17"', ("split",), "coco_48_17"),
        ("scale_range=[1, 2]", ("scale_range",), (1.0, 2.0)),
        ("model.background=constant", ("model", "background"), "constant"),
    ],
)
def test_a_value_is_replaced(change: str, path: tuple[str, ...], value: object) -> None:
    changed = load_recipe("starter_65_15", [change])
    for part in path:
        changed = getattr(changed, part)
    assert changed == value


def test_sets_are_found_by_name_and_the_rest_stays() -> None:
    before = load_recipe("starter_65_15")
    after = load_recipe("starter_65_15", ["datasets.voc_train.repeat=2", "steps=3", "steps=4"])
    repeats = {spec.name: spec.repeat for spec in after.datasets}
    assert repeats == {spec.name: spec.repeat for spec in before.datasets} | {"voc_train": 2.0}
    assert after.steps == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("steps", "--set steps must have the form key=value"),
        ("=3", "must have the form key=value"),
        ("stepz=3", "unknown key 'stepz'; did you mean 'steps'?"),
        ("steps=many", "steps must be int, but got 'many'"),
        ("model.temprature=3", "model: unknown key 'temprature'; did you mean 'temperature'?"),
        ("modle.temperature=3", "'modle' holds no further keys; did you mean 'model'?"),
        ("steps.more=3", "'steps' holds no further keys"),
        ("datasets.coco_trian.repeat=2", "no set is called 'coco_trian'; did you mean 'coco_train'?"),
        ("datasets.coco_train.repaet=2", "datasets[0]: unknown key 'repaet'; did you mean 'repeat'?"),
        ("datasets.repeat=2", "name the set, as in datasets.NAME.repeat=2"),
    ],
)
def test_a_mistake_is_named(change: str, message: str) -> None:
    with pytest.raises(TrainingError) as error:
        load_recipe("starter_65_15", [change])
    assert message in str(error.value)


def test_the_file_values_are_not_touched() -> None:
    values = {"model": {"background": "adaptive"}}
    override(values, ["model.background=constant"])
    assert values == {"model": {"background": "adaptive"}}
