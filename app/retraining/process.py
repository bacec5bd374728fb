"""The training process as the window starts it: detached, at low priority, its output in the run folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from zsi_core.errors import TrainingError
from zsi_core.lock import FileLock, LockedError
from zsi_core.program import module_command

OUTPUT = "output.txt"
LOCKED = "process"
"""The training process holds the lock of this name in its run folder as long as it lives."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def training_command(arguments: Sequence[str]) -> list[str]:
    """The command of the trainer."""
    return module_command("training", arguments)


def start_training(
    folder: Path, *options: str, threads: int | None = None, command: Sequence[str] | None = None
) -> subprocess.Popen[bytes]:
    """Start the process of a run folder; it outlives the one that started it.

    It lowers its own priority (`training.retraining`), so that the window stays fluid.

    Args:
        options: further ones of `python -m training retrain`.
        threads: of arithmetic; by default one for each core, which low priority makes harmless.
        command: program in the place of `python -m training`, for frozen builds.

    Raises:
        TrainingError: it cannot be started.
    """
    arguments = ["retrain", str(folder), *options]
    if threads is not None:
        arguments += ["--threads", str(threads)]
    limits = {} if threads is None else dict.fromkeys(_THREADS, str(threads))
    try:
        with (folder / OUTPUT).open("ab") as output:
            return subprocess.Popen(
                training_command(arguments) if command is None else [*command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **limits, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0)
                | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
                | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            )
    except OSError as error:
        raise TrainingError(
            f"the training process of {folder} cannot be started ({error.strerror or error}): free some "
            "space or memory, and try again"
        ) from error


def is_alive(folder: Path) -> bool:
    """Whether a process works on a run folder, whoever started it."""
    if not folder.is_dir():
        return False
    try:
        FileLock(folder / LOCKED).release()
    except LockedError:
        return True
    except OSError:  # no lock can be made there, by the process neither: the disk is full or gone
        return False
    return False


def last_words(folder: Path) -> str:
    """The last line that the process wrote, empty for none."""
    try:
        lines = (folder / OUTPUT).read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
