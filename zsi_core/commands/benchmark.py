"""`zsi benchmark`: run the benchmarks of the source tree."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import typer

from zsi_core.errors import EXIT_DONE, ZsiError

SHARED = "harness.py"


def benchmark(
    names: list[str] = typer.Argument(None, help="Which; all by default.", show_default=False),
    model: str = typer.Option("starter", help="An installed model, or a checkpoint folder."),
    threads: int | None = typer.Option(None, min=1, help="Threads; by default one for each core."),
    repeats: int | None = typer.Option(None, min=1, help="Rounds of which the best counts."),
) -> None:
    """Time this program on this machine, beside its peers.

    A table goes to stderr, JSON to stdout. Run it on an idle machine.

    Exit code 0: all done; otherwise that of the first benchmark that failed.
    """
    scripts = _scripts(benchmarks_folder())
    if unknown := [name for name in names or () if name not in scripts]:
        raise ZsiError(f"no benchmark is called {', '.join(unknown)}: there are {', '.join(scripts)}")
    options = {"model": model, "threads": threads, "repeats": repeats}
    flags = [part for key, value in options.items() if value is not None for part in (f"--{key}", str(value))]
    documents: list[Any] = []
    code = EXIT_DONE
    for name in names or scripts:
        # Each in a process of its own: threads, caches and memory of one must not help or harm another.
        done = subprocess.run([sys.executable, scripts[name], *flags], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            typer.echo(f"error: the benchmark {name} failed with exit code {done.returncode}", err=True)
            code = code or done.returncode
        else:
            documents.append(json.loads(done.stdout))
    typer.echo(json.dumps(documents, indent=1))
    raise typer.Exit(code)


def benchmarks_folder() -> Path:
    """`tests/benchmarks` of the source tree that this package is run from."""
    return Path(__file__).parents[2] / "tests" / "benchmarks"


def _scripts(folder: Path) -> dict[str, Path]:
    """Name -> script of every benchmark.

    Raises:
        ZsiError: this is not a source tree.
    """
    scripts = {path.stem: path for path in sorted(folder.glob("*.py")) if path.name != SHARED}
    if not scripts:
        raise ZsiError(
            "the benchmarks are part of the source tree, not of the installed package: clone the repository "
            "and run `uv run zsi benchmark` in its folder"
        )
    return scripts
