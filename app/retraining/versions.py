"""Versions of a model in the user's data folder: `starter`, `starter-v2`, `starter-v3` ..."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from zsi_core.errors import TrainingError
from zsi_core.files import resources_dir, user_data_dir

_VERSION = re.compile(r"(.+)-v(\d+)")


def install(checkpoint: Path, parent: str) -> str:
    """Copy a checkpoint folder beside the user's models, under the next version of its parent's name.

    It appears complete or not at all, and no other model is touched: going back is choosing another one.

    Args:
        checkpoint: the folder.
        parent: name or folder of the model that it was made from.

    Returns:
        The new name.

    Raises:
        TrainingError: it cannot be written.
    """
    models = user_data_dir() / "models"
    try:
        models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=models, prefix=".", ignore_cleanup_errors=True) as place:
            fresh = Path(shutil.copytree(checkpoint, Path(place, "new")))
            while True:
                target = models / next_version(parent)
                try:
                    fresh.rename(target)
                except OSError:
                    if not target.exists():
                        raise
                else:  # otherwise another process has just taken the name
                    return target.name
    except (OSError, shutil.Error) as error:
        raise TrainingError(
            f"the new model cannot be written to {models} ({error}): free some space and keep it again; the "
            f"retraining in {checkpoint.parent} is as it was"
        ) from error


def next_version(parent: str) -> str:
    """The name after the newest version of a model: "starter-v2" after "starter" alone."""
    name = Path(parent).name
    found = _VERSION.fullmatch(name)
    base = found[1] if found else name
    taken = [1]
    for folder in (resources_dir() / "models", user_data_dir() / "models"):
        for path in folder.glob("*"):
            match = _VERSION.fullmatch(path.name)
            if match and match[1] == base:
                taken.append(int(match[2]))
    return f"{base}-v{max(taken) + 1}"
