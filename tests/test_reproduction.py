"""docs/reproduction.md: its commands and options exist, its overrides are fields of recipes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from training.__main__ import app as training
from training.recipe import load_recipe
from zsi_core.cli import app as command_line
from zsi_core.model import ModelConfig

TEXT = (Path(__file__).parents[1] / "docs" / "reproduction.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
LINES = [shlex.split(line) for block in BLOCKS for line in block.splitlines()]


def options(command: object) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}  # type: ignore[attr-defined]


def test_every_command_and_option_exists() -> None:
    commands = typer.main.get_command(command_line).commands  # type: ignore[attr-defined]
    shown = set()
    for words in LINES:
        assert words[:2] == ["uv", "run"]
        if words[2] == "zsi":
            known, arguments = options(commands[words[3]]), words[4:]
            shown.add(words[3])
        else:
            known, arguments = options(typer.main.get_command(training)), words[words.index("training") + 1 :]
            shown.add("training")
        assert {word for word in arguments if word.startswith("-")} <= known, words
    assert shown == {"benchmark-split", "import-checkpoint", "evaluate", "training"}


@pytest.mark.parametrize("recipe", ["paper_48_17", "paper_65_15"])
def test_every_row_of_the_ablations_is_a_recipe(recipe: str) -> None:
    rows = [
        re.findall(r"--set (\S+?)[`\s]", line) for line in TEXT.splitlines() if "`--set model.rpn" in line
    ]
    rows += [
        re.findall(r"--set (\S+?)[`\s]", line) for line in TEXT.splitlines() if "`--set model.sync" in line
    ]
    assert len(rows) == 8
    for changes in rows:
        model = load_recipe(recipe, changes).model
        assert model.conventions == "mmdetection"
        for change in changes:
            field, value = change.removeprefix("model.").split("=")
            assert str(getattr(model, field)).lower() == value


def test_the_recipes_are_the_reference_profile_on_the_files_of_the_benchmark() -> None:
    for split, seen in (("48_17", 48), ("65_15", 65)):
        recipe = load_recipe(f"paper_{split}")
        assert recipe.model == ModelConfig.reference(seen)
        assert [(d.annotations, d.images) for d in recipe.datasets] == [
            (f"coco_{split}/train.json", "train2014")
        ]
        assert f"-o coco/coco_{split}\n" in TEXT


def test_every_field_that_the_table_names_exists_and_tells_the_profiles_apart() -> None:
    section = TEXT.split("## 5.", 1)[1]
    fields = [
        re.findall(r"`(\w+)`", line.split("|")[-2]) for line in section.splitlines() if line.startswith("| ")
    ]
    named = {field for row in fields[1:] for field in row}
    assert len(named) > 15
    default, reference = ModelConfig(), ModelConfig.reference(65)
    same = {name for name in named if getattr(default, name) == getattr(reference, name)}
    assert same == {"vocabulary_words", "reconstruction_weight", "sync_mask"}
