"""How this program starts a process of its own: with Python or, if frozen, with its own executable."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

CONSOLE = "zsi"
"""Executable of a frozen program with standard streams on every system; the window's has none on Windows."""


def is_frozen() -> bool:
    """Whether this is the built program, which holds its own Python (`build_installer.py`)."""
    return getattr(sys, "frozen", False)


def module_command(module: str, arguments: Sequence[str] = ()) -> list[str]:
    """The command that runs a module of this program as `python -m` does.

    A frozen program (PyInstaller) holds no Python to start; its executable takes the last part of the
    module's name as a sub-command instead (`installer/program.py`).
    """
    if is_frozen():
        program = Path(sys.executable)
        return [str(program.with_name(CONSOLE + program.suffix)), module.rpartition(".")[2], *arguments]
    # -P: a file called torch.py in the current folder must not be taken for the library.
    return [sys.executable, "-P", "-m", module, *arguments]
