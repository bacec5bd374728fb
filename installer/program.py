"""Entry of the built program: the window, the command line, and the processes that both start.

`zsi-annotator` opens the window. `zsi` is the command line; its sub-commands `engine` and `training` are the
processes that a source tree starts with `python -m` (see `zsi_core.program`).
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from pathlib import Path


def entry(program: str, arguments: list[str]) -> tuple[Callable[[], int | None], list[str]]:
    """The function to call for a program of this name, and the arguments that it is to see.

    Only what is called is imported: the window knows no torch.
    """
    if program == "zsi-annotator":
        from app.__main__ import main as window

        return window, arguments
    if arguments[:1] == ["engine"]:
        from zsi_core.engine.server import main as engine

        return engine, arguments[1:]
    if arguments[:1] == ["training"]:
        from training.__main__ import main as training

        return training, arguments[1:]
    from app.command_line import main as command_line

    return command_line, arguments


def restore_library_path() -> None:
    """Give programs of the system that this one starts (a browser for a report) their own libraries back.

    PyInstaller's bootloader puts the bundled ones first, which this process no longer needs: the loader read
    the variable when the process began. Our own processes have theirs set by their bootloader.
    """
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if before is not None:
        os.environ["LD_LIBRARY_PATH"] = before


if __name__ == "__main__":
    multiprocessing.freeze_support()  # processes that read training images start with this executable, too
    restore_library_path()
    main, sys.argv[1:] = entry(Path(sys.executable).stem, sys.argv[1:])
    sys.exit(main())
