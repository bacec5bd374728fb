"""Copies of checkpoint folders among the user's models, complete or not at all. No Qt."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from zsi_core.errors import CheckpointError
from zsi_core.files import atomic_write

NEEDED = ("config.json", "model.safetensors")
OPTIONAL = ("card.md", "words.npz", "second_opinion.safetensors")
"""What a checkpoint consists of (see `zsi_core.checkpoint`); whatever else lies beside it is not copied."""

_CHUNK = 4 << 20


def copy_checkpoint(source: Path, models: Path) -> Path:
    """Copy a checkpoint folder to a hidden one, which no model is found in; see `publish` and `discard`.

    Args:
        source: checkpoint folder.
        models: folder of the user's models, made if it does not exist.

    Returns:
        The hidden folder.

    Raises:
        CheckpointError: it is no checkpoint folder, or it cannot be copied.
    """
    missing = [name for name in NEEDED if not (source / name).is_file()]
    if missing:
        raise CheckpointError(
            f"{source} is no model: it has no {' and no '.join(missing)}. Choose the folder that holds "
            f"{' and '.join(NEEDED)}"
        )
    hidden: Path | None = None
    try:
        models.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(dir=models, prefix=f".{source.name}."))
        for name in (*NEEDED, *OPTIONAL):
            if (source / name).is_file():
                _copy(source / name, hidden / name)
        hidden.chmod(models.stat().st_mode & 0o777)
    except BaseException as error:
        if hidden is not None:
            discard(hidden)
        if isinstance(error, OSError):
            raise CheckpointError(
                f"{source} cannot be copied to {models} ({error.strerror}): free some space or check the "
                "permissions of both; nothing was imported"
            ) from error
        raise
    return hidden


def publish(hidden: Path, name: str, taken: Collection[str]) -> Path:
    """Give a copied checkpoint its name; with a number behind it where the name is taken.

    Args:
        hidden: from `copy_checkpoint`.
        name: wanted.
        taken: names of all installed models; of two with one name, only the first is found.

    Raises:
        CheckpointError: the folder cannot be renamed; the copy is gone.
    """
    names = (name if number == 1 else f"{name}-{number}" for number in itertools.count(1))
    target = next(
        hidden.with_name(free) for free in names if free not in taken and not hidden.with_name(free).exists()
    )
    try:
        hidden.rename(target)
    except OSError as error:
        discard(hidden)
        raise CheckpointError(
            f"{target} cannot be written ({error.strerror}): check the permissions of its folder"
        ) from error
    return target


def discard(folder: Path) -> None:
    """Remove a copy that is not wanted."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_checkpoint(folder: Path) -> None:
    """Remove one of the user's models; it is gone as a whole, or still there as a whole.

    Raises:
        CheckpointError: it cannot be removed.
    """
    try:
        gone = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        folder.rename(gone / folder.name)
    except OSError as error:
        raise CheckpointError(
            f"{folder} cannot be removed ({error.strerror}): check its permissions, or close the program "
            "that uses it"
        ) from error
    discard(gone)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as content, atomic_write(target) as stream:
        shutil.copyfileobj(content, stream, _CHUNK)
    status = source.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))  # its date says when it was trained
