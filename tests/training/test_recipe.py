"""Recipes: what a TOML file becomes, and what is said of every mistake in one."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from training.preparation import seen_vocabulary
from training.recipe import RECIPES, DataSpec, Recipe, load_recipe
from zsi_core.errors import TrainingError
from zsi_core.model import ModelConfig
from zsi_core.semantics import WordTable
from zsi_core.semantics.names import class_key

HEAD = 'name = "mine"\nsplit = "coco_65_15"\n'
SET = '[[datasets]]\nname = "a"\nannotations = "a.json"\nimages = "a"\n'


@pytest.fixture
def recipe_file(tmp_path: Path):
    """Write a recipe and return its path."""

    def write(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_what_a_file_does_not_say_keeps_its_default(recipe_file) -> None:
    assert load_recipe(recipe_file(HEAD + SET)) == Recipe(
        name="mine", split="coco_65_15", datasets=(DataSpec("a", "a.json", "a"),)
    )


def test_values_of_a_file(recipe_file) -> None:
    recipe = load_recipe(
        recipe_file(
            HEAD
            + 'extra_seen = ["nucleus"]\nscale_range = [1, 1.5]\nlearning_rate = 1e-3\nsteps = 7\n'
            + "teacher = true\n"
            + '[model]\nmask_mode = "semantic"\ntemperature = 7\nanchor_scales = [4]\n'
            + SET
            + 'masks = "has_mask"\nlabelled = ["dog", "car"]\nrepeat = 2\n'
        )
    )
    assert recipe.extra_seen == ("nucleus",)
    assert recipe.scale_range == (1.0, 1.5)
    assert (recipe.learning_rate, recipe.steps, recipe.teacher) == (0.001, 7, True)
    assert recipe.model == ModelConfig(mask_mode="semantic", temperature=7.0, anchor_scales=(4.0,))
    assert recipe.datasets == (DataSpec("a", "a.json", "a", "has_mask", ("dog", "car"), 2.0),)
    assert [type(v) for v in (*recipe.scale_range, recipe.model.temperature, recipe.datasets[0].repeat)] == [
        float
    ] * 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # keys
        (HEAD + "stepz = 3\n" + SET, "unknown key 'stepz'; did you mean 'steps'?"),
        (HEAD + "zzz = 3\n" + SET, "unknown key 'zzz'; known keys: name, split, datasets, "),
        (HEAD + SET + "mask = 1\n", "datasets[0]: unknown key 'mask'; did you mean 'masks'?"),
        (HEAD + SET + "[model]\ntemprature = 1\n", "model: unknown key 'temprature'; did you mean"),
        ('name = "mine"\n' + SET, "missing key 'split'"),
        (HEAD, "missing key 'datasets'"),
        (HEAD + '[[datasets]]\nname = "a"\nimages = "a"\n', "datasets[0]: missing key 'annotations'"),
        # types
        (HEAD + "steps = 2.5\n" + SET, "steps must be int, but got 2.5"),
        (HEAD + "steps = true\n" + SET, "steps must be int, but got True"),
        (HEAD + 'learning_rate = "high"\n' + SET, "learning_rate must be float, but got 'high'"),
        (HEAD + "teacher = 1\n" + SET, "teacher must be bool, but got 1"),
        ('name = 1\nsplit = "a"\n' + SET, "name must be str, but got 1"),
        (HEAD + 'extra_seen = "nucleus"\n' + SET, "extra_seen must be a list, but got 'nucleus'"),
        (HEAD + 'extra_seen = ["a", 1]\n' + SET, "extra_seen[1] must be str, but got 1"),
        (HEAD + "model = 1\n" + SET, "model must be a table, but got 1"),
        (HEAD + "datasets = 1\n", "datasets must be a list, but got 1"),
        (HEAD + 'datasets = ["a"]\n', "datasets[0] must be a table, but got 'a'"),
        (HEAD + SET + 'masks = "some"\n', "datasets[0]: masks must be one of all, has_mask, but got 'some'"),
        (HEAD + SET + 'labelled = "dog"\n', "datasets[0]: labelled must be one of all, but got 'dog'"),
        (HEAD + SET + "labelled = [1]\n", "datasets[0]: labelled[0] must be str, but got 1"),
        (HEAD + SET + "[model]\nanchor_scales = 4\n", "model: anchor_scales must be a list, but got 4"),
        (HEAD + SET + "[model]\nmask_head = 1\n", "model: mask_head must be bool, but got 1"),
        # lengths and ranges
        (HEAD + "scale_range = [1, 2, 3]\n" + SET, "scale_range must be a list of 2, but got [1, 2, 3]"),
        (HEAD + "scale_range = [1]\n" + SET, "scale_range must be a list of 2, but got [1]"),
        (HEAD + "scale_range = [2, 1]\n" + SET, "scale_range must be above 0 and in order, but got 2.0"),
        (HEAD + "scale_range = [0, 1]\n" + SET, "scale_range must be above 0 and in order, but got 0.0"),
        (HEAD + "canvases = []\n" + SET, "canvases must be at least one height and width, but got ()"),
        (HEAD + "canvases = [[448, 0]]\n" + SET, "canvases must be at least one height and width, but got"),
        (HEAD + "canvases = [448]\n" + SET, "canvases[0] must be a list, but got 448"),
        (HEAD + 'resize = "crop"\n' + SET, "resize must be one of jitter, fit, but got 'crop'"),
        (HEAD + "copy_paste = 2\n" + SET, "copy_paste must be from 0 to 1, but got 2.0"),
        (HEAD + "colour_jitter = -1\n" + SET, "colour_jitter must be from 0 to 1, but got -1.0"),
        (HEAD + "cache_megabytes = -1\n" + SET, "cache_megabytes must be 0 or more, but got -1"),
        (HEAD + "datasets = []\n", "datasets must name at least one set"),
        (HEAD + SET + SET, "datasets must have different names, but 'a' is there twice"),
        (HEAD + SET + "repeat = 0\n", "datasets[0]: repeat must be above 0, but got 0.0"),
        (HEAD + "steps = 0\n" + SET, "steps must be above 0, but got 0"),
        (HEAD + "batch_size = -1\n" + SET, "batch_size must be above 0, but got -1"),
        (HEAD + "learning_rate = nan\n" + SET, "learning_rate must be above 0, but got nan"),
        (HEAD + "clip_norm = inf\n" + SET, "clip_norm must be above 0, but got inf"),
        (HEAD + "accumulation_steps = 3\n" + SET, "batch_size must be a multiple of accumulation_steps"),
        (HEAD + 'schedule = "steps"\n' + SET, "milestones must be given in order for schedule 'steps'"),
        (HEAD + "milestones = [2]\n" + SET, "milestones must be given in order for schedule 'steps' and no"),
        (HEAD + 'optimizer = "adam"\n' + SET, "optimizer must be one of adamw, sgd, but got 'adam'"),
        (HEAD + "epochs = -1\n" + SET, "epochs must be 0 or more, but got -1.0"),
        (HEAD + "seed = -1\n" + SET, "seed must be 0 or more, but got -1"),
        (HEAD + "ema_decay = 1.5\n" + SET, "ema_decay must be from 0 to 1, but got 1.5"),
        (HEAD + SET + '[model]\nrpn = "plain"\n', "model: a plain RPN has no background vector"),
        # files
        (HEAD + "steps = \n", "is not valid TOML (Invalid value (at line 3, column 9)): correct that line"),
        (HEAD + HEAD, "is not valid TOML (Cannot overwrite a value"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_file(text: str, message: str, recipe_file) -> None:
    path = recipe_file(text)
    with pytest.raises(TrainingError) as error:
        load_recipe(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(TrainingError, match="is not valid TOML"):
        load_recipe(tmp_path / "mine.toml")


@pytest.mark.parametrize("name", ["starter", "folder"])
def test_a_recipe_that_is_not_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(TrainingError, match=r"cannot be read: use .*starter_65_15, or a file"):
        load_recipe(tmp_path / name)


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_shipped_recipes(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    without_sets = dataclasses.replace(recipe, own_classes=False)
    vocabulary = seen_vocabulary(without_sets, WordTable.bundled())
    assert vocabulary.vectors.shape == (len(vocabulary.names), recipe.model.semantic_dimension)
    seen = {class_key(name) for name in vocabulary.names}
    for spec in recipe.datasets:
        if spec.labelled != "all":
            assert {class_key(name) for name in spec.labelled} <= seen, f"{spec.name} names no seen class"


def test_the_recipes_there_are() -> None:
    names = {path.stem for path in RECIPES.glob("*.toml")}
    assert names == {"starter_65_15", "retrain_fast", "retrain_full", "paper_48_17", "paper_65_15"}


@pytest.mark.parametrize(
    ("name", "seen", "rate", "warmup"),
    [("paper_48_17", 48, 0.01, 500), ("paper_65_15", 65, 0.0075, 7000)],
)
def test_recipes_of_the_paper(name: str, seen: int, rate: float, warmup: int) -> None:
    recipe = load_recipe(name)
    assert recipe.model == ModelConfig.reference(seen)
    assert len(seen_vocabulary(recipe, WordTable.bundled()).names) == seen
    assert (recipe.optimizer, recipe.learning_rate, recipe.momentum) == ("sgd", rate, 0.9)
    assert (recipe.weight_decay, recipe.decay_vectors, recipe.backbone_rate) == (1e-4, True, 1.0)
    assert (recipe.batch_size, recipe.epochs, recipe.milestones) == (8, 12.0, (8.0, 11.0))
    assert (recipe.warmup_steps, recipe.warmup_ratio) == (warmup, pytest.approx(1 / 3))
    assert (recipe.clip_norm, recipe.frozen_stages, recipe.ema_decay) == (35.0, 1, 0.0)
    assert (recipe.canvases, recipe.resize) == (((800, 1333), (1333, 800)), "fit")
    assert (recipe.colour_jitter, recipe.copy_paste, recipe.repeat_threshold) == (0.0, 0.0, 0.0)


def test_a_recipe_is_plain_json() -> None:
    recipe = load_recipe("starter_65_15")
    values = json.loads(json.dumps(recipe.to_dict(), allow_nan=False))
    assert set(values) == {field.name for field in dataclasses.fields(Recipe)}
    assert values["datasets"][0]["name"] == recipe.datasets[0].name
    assert values["scale_range"] == list(recipe.scale_range)
    assert ModelConfig.from_dict(values["model"]) == recipe.model
    assert math.isclose(values["learning_rate"], recipe.learning_rate)
