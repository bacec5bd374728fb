"""`zsi-annotator`: start the desktop application.

There is no window yet. Until it exists, `--demo` lets the command line propose on the demo pictures.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app.qt_guard import check_pyside6
from zsi_core import __version__
from zsi_core.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_INTERNAL, ZsiError
from zsi_core.files import user_data_dir

WHAT_WORKS = """\
ZSI Annotator {version}: the window does not exist yet. What works today, from the command line:

  zsi-annotator --demo                        instance masks on the demo pictures
  zsi propose FOLDER --classes "cat, fork"    instance masks in your own photographs, as COCO JSON
  zsi words "hair drier"                      what the model understands by a name
  zsi validate FILE.json                      check a COCO file
  zsi doctor                                  check this installation

(from the source tree, put `uv run` in front)"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `zsi-annotator`; returns the exit code (see `zsi_core.errors`)."""
    options = _parser().parse_args(arguments)
    try:
        check_pyside6()
        if options.demo:
            return propose_on_demo(demo_folder())
    except ZsiError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if options.paths:
        paths = shlex.join(str(path) for path in options.paths)
        print(
            "error: the window that would open these does not exist yet; "
            f'to get instance masks run: zsi propose {paths} --classes "NAME, NAME" -o out.json',
            file=sys.stderr,
        )
        return EXIT_BAD_INPUT
    print(WHAT_WORKS.format(version=__version__))
    return EXIT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zsi-annotator",
        description="Annotate photographs with the names of things no model was trained on.",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="photographs or folders to open")
    parser.add_argument(
        "--demo", action="store_true", help="propose on the demo pictures that ship with the program"
    )
    parser.add_argument("--version", action="version", version=f"zsi-annotator {__version__}")
    return parser


def demo_folder() -> Path:
    """Folder in the user's data directory where the results of the demo are written."""
    return user_data_dir() / "demo"


def propose_on_demo(folder: Path) -> int:
    """Run `zsi propose --demo`, in a process of its own because this one must not load torch.

    Args:
        folder: where the results go; results of an earlier demo there are replaced.
    """
    annotations, previews = folder / "proposals.json", folder / "previews"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZsiError(f"the results of the demo cannot be written to {folder}: {error}") from error
    print(f"Proposing on the demo pictures; the results go to {folder}", flush=True)
    return run_command_line(
        ["propose", "--demo", "--overwrite", "-o", str(annotations), "--preview", str(previews)]
    )


def run_command_line(arguments: Sequence[str]) -> int:
    """Run `zsi` with these arguments as a child process and return its exit code.

    Ctrl+C reaches the child too, which then completes the file it writes: wait for it instead of killing it.
    """
    child = subprocess.Popen([sys.executable, "-m", "zsi_core.cli", *arguments])
    while True:
        try:
            code = child.wait()
            return code if code >= 0 else EXIT_INTERNAL  # negative: ended by a signal
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main())
