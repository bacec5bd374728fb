"""`zsi-annotator`: start the desktop application."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from app.qt_guard import check_pyside6
from zsi_core import __version__
from zsi_core.errors import EXIT_BAD_INPUT, ZsiError


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `zsi-annotator`; returns the exit code (see `zsi_core.errors`)."""
    options = _parser().parse_args(arguments)
    try:
        check_pyside6()
        _check_paths(options.paths)
        _check_display()
    except ZsiError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    try:
        from app.startup import run_window
    except ImportError as error:
        print(f"error: the window cannot start: {error}; `zsi doctor` says what is missing", file=sys.stderr)
        return EXIT_BAD_INPUT
    return run_window(options.paths, demo=options.demo)


class StartError(ZsiError):
    """The window cannot start with these arguments, or on this machine."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zsi-annotator",
        description="Annotate photographs with the names of things no model was trained on.",
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="a folder, photographs or a project to open"
    )
    parser.add_argument("--demo", action="store_true", help="open the project with the demo pictures")
    parser.add_argument("--version", action="version", version=f"zsi-annotator {__version__}")
    return parser


def _check_paths(paths: Sequence[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise StartError(f"{path} does not exist: check the spelling, or whether it was moved")


def _check_display() -> None:
    """Qt would abort without a word that helps."""
    if sys.platform.startswith("linux") and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        raise StartError(
            "there is no display: run it on a desktop, or over ssh with -X; the command `zsi` needs none"
        )


if __name__ == "__main__":
    sys.exit(main())
