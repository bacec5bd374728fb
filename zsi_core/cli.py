"""`zsi`: the command line. Each command lives in a file of its own in `zsi_core.commands`.

Command files import heavy libraries inside their functions, so that `zsi --help` stays instant.
"""

from __future__ import annotations

import os
import sys
import traceback

import typer

from zsi_core import __version__
from zsi_core.commands.benchmark import benchmark
from zsi_core.commands.benchmark_split import benchmark_split
from zsi_core.commands.doctor import doctor
from zsi_core.commands.evaluate import evaluate
from zsi_core.commands.import_checkpoint import import_checkpoint
from zsi_core.commands.propose import propose
from zsi_core.commands.validate import validate
from zsi_core.commands.words import words
from zsi_core.errors import EXIT_INTERNAL, ZsiError

app = typer.Typer(
    name="zsi",
    help="Zero-shot instance segmentation: type names of things, get instance masks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"zsi {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Zero-shot instance segmentation: type names of things, get instance masks."""


app.command()(benchmark)
app.command()(benchmark_split)
app.command()(doctor)
app.command()(evaluate)
app.command()(import_checkpoint)
app.command()(propose)
app.command()(validate)
app.command()(words)


def main() -> None:
    """Run the command line; known errors become one line on stderr and an exit code."""
    try:
        app()
    except ZsiError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if os.environ.get("ZSI_DEBUG"):
            traceback.print_exc()
        typer.echo(f"internal error: {type(error).__name__}: {error} (ZSI_DEBUG=1 shows where)", err=True)
        sys.exit(EXIT_INTERNAL)


if __name__ == "__main__":
    main()
