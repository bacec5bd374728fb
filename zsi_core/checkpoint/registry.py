"""Where installed checkpoints lie, and how a name finds one."""

from __future__ import annotations

import os
from pathlib import Path

from zsi_core.errors import CheckpointError
from zsi_core.files import resources_dir, user_models_dir

CONFIG = "config.json"


def packaged_models_dir() -> Path:
    """Folder of the models that come with the program."""
    return resources_dir() / "models"


def model_folders() -> list[Path]:
    """Folders searched for models, first hit first: packaged, the user's data, then `ZSI_MODELS`."""
    folders = [packaged_models_dir(), user_models_dir()]
    extra = os.environ.get("ZSI_MODELS", "")
    return folders + [Path(folder) for folder in extra.split(os.pathsep) if folder]


def installed_models() -> dict[str, Path]:
    """Name -> checkpoint folder of every installed model; of one name the first hit."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        if folder.is_dir():
            for candidate in sorted(folder.iterdir()):
                if not candidate.name.startswith(".") and (candidate / CONFIG).is_file():
                    found.setdefault(candidate.name, candidate)
    return found


def find_checkpoint(name_or_path: str | Path) -> Path:
    """Checkpoint folder of an installed model's name or, where no model is called so, of a path.

    Raises:
        CheckpointError: neither; the message lists the installed names.
    """
    models = installed_models()
    if str(name_or_path) in models:
        return models[str(name_or_path)]
    path = Path(name_or_path)
    if (path / CONFIG).is_file():
        return path
    names = ", ".join(models) or "none"
    raise CheckpointError(
        f"no model is called {str(name_or_path)!r} (installed: {names}), and it is not a checkpoint folder "
        f"with a {CONFIG}: check the spelling, or set ZSI_MODELS to the folder that holds it"
    )
