"""The state of an interrupted run on disk: tensors and JSON, nothing is unpickled.

    DIR/run.json                          what the run is: recipe, data root, start
    DIR/state/000000250/state.safetensors  weights, averaged weights, optimizer
    DIR/state/000000250/state.json         steps done

The two newest generations are kept. A generation appears under its name complete or not at all, and an old
one goes only after that, so that a kill at any moment leaves a complete one.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from training.recipe import Recipe, recipe_from_dict
from zsi_core.errors import TrainingError
from zsi_core.files import atomic_write

RUN, STATES, TENSORS, STEPS = "run.json", "state", "state.safetensors", "state.json"
SCHEMA_VERSION = 1
KEPT = 2


@dataclass(frozen=True)
class RunDescription:
    """What a run is, so that its folder alone is enough to go on with it.

    Attributes:
        recipe: with its length in steps.
        data_root: folder that the sets are relative to.
        start: checkpoint it started from, by name or absolute folder, or None.
        backbone_weights: absolute file, or None.
        teacher_dir: absolute folder, or None.
        checkpoint_every: steps between two states.
    """

    recipe: Recipe
    data_root: Path
    start: Path | None
    backbone_weights: Path | None
    teacher_dir: Path | None
    checkpoint_every: int


def save_run(out: Path, run: RunDescription) -> None:
    """Write `run.json`.

    Raises:
        TrainingError: the file cannot be written.
    """
    paths = {
        key: None if path is None else str(path)
        for key, path in vars(run).items()
        if key not in ("recipe", "checkpoint_every")
    }
    content = {
        "schema_version": SCHEMA_VERSION,
        "recipe": run.recipe.to_dict(),
        "checkpoint_every": run.checkpoint_every,
        **paths,
    }
    try:
        with atomic_write(out / RUN, "w") as stream:
            json.dump(content, stream, indent=1, allow_nan=False)
    except OSError as error:
        raise _cannot_write(out / RUN, error) from error


def load_run(out: Path) -> RunDescription:
    """Read `run.json`.

    Raises:
        TrainingError: missing, damaged, or written by another version.
    """
    path = out / RUN
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(
            f"{out} is no run that could be resumed ({error.strerror}: {path}): name the folder given as "
            "--out, or start a run with --recipe"
        ) from error
    except ValueError as error:
        raise TrainingError(f"{path} is damaged ({error}): start the run again") from error
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        raise TrainingError(f"{path} was written by another version: resume with that one, or start again")

    def optional(key: str) -> Path | None:
        return None if content[key] is None else Path(content[key])

    return RunDescription(
        recipe_from_dict(content["recipe"], str(path)),
        Path(content["data_root"]),
        optional("start"),
        optional("backbone_weights"),
        optional("teacher_dir"),
        int(content["checkpoint_every"]),
    )


def generations(out: Path) -> list[Path]:
    """Folders of the saved states, newest first."""
    return sorted((p for p in (out / STATES).glob("[0-9]*") if p.is_dir()), reverse=True)


def save_state(out: Path, steps_done: int, tensors: Mapping[str, Tensor]) -> None:
    """Write a generation and remove all but the newest `KEPT`.

    Raises:
        TrainingError: it cannot be written; earlier generations are as they were.
    """
    states = out / STATES
    target = states / f"{steps_done:09d}"
    try:
        states.mkdir(exist_ok=True)
        for leftover in states.glob(".*"):  # of a killed run
            shutil.rmtree(leftover)
        with tempfile.TemporaryDirectory(dir=states, prefix=".", ignore_cleanup_errors=True) as place:
            fresh = Path(place, "new")
            fresh.mkdir()
            with atomic_write(fresh / TENSORS) as stream:
                stream.write(save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}))
            with atomic_write(fresh / STEPS, "w") as stream:
                json.dump({"schema_version": SCHEMA_VERSION, "steps_done": steps_done}, stream)
            if target.is_dir():  # of the run that this one resumes, perhaps damaged
                target.rename(Path(place, "old"))
            fresh.rename(target)
        for old in generations(out)[KEPT:]:
            shutil.rmtree(old)
    except OSError as error:
        raise _cannot_write(target, error) from error


def load_state(out: Path, tell: Callable[[str], None]) -> tuple[int, dict[str, Tensor]] | None:
    """Steps done and tensors of the newest readable generation; None if the run has not saved any.

    Args:
        tell: is told of a generation that cannot be read.

    Raises:
        TrainingError: there are generations, and none of them can be read.
    """
    found = generations(out)
    for folder in found:
        try:
            described: Any = json.loads((folder / STEPS).read_text(encoding="utf-8"))
            return int(described["steps_done"]), load_file(folder / TENSORS)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            tell(f"{folder} is damaged ({error}): an older state is tried")
    if found:
        raise TrainingError(f"no state in {out / STATES} can be read: start the run again")
    return None


def _cannot_write(path: Path, error: OSError) -> TrainingError:
    return TrainingError(
        f"{path} cannot be written ({error.strerror or error}): free some space or check its permissions, "
        "then go on with --resume; what was saved before is as it was"
    )
