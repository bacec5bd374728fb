"""`zsi validate`: find the faults of a COCO annotation file."""

from __future__ import annotations

from pathlib import Path

import typer

from zsi_core.errors import EXIT_DONE, EXIT_SOME_SKIPPED


def validate(
    file: Path = typer.Argument(..., help="COCO annotation file (JSON)."),
    images: Path | None = typer.Option(
        None, "--images", metavar="DIR", help="Folder of its images: check that they exist and fit."
    ),
) -> None:
    """Check a COCO annotation file: one line for each fault, then a summary.

    Exit code 0: no errors (warnings are allowed); 1: errors were found; 2: the file cannot be read.
    """
    from zsi_core.coco.faults import Severity
    from zsi_core.coco.validate import validate as find_faults

    faults = find_faults(file, images)
    for fault in faults:
        typer.echo(str(fault))
    errors = sum(fault.severity is Severity.ERROR for fault in faults)
    typer.echo(f"{file}: {_counted(errors, 'error')}, {_counted(len(faults) - errors, 'warning')}")
    raise typer.Exit(EXIT_SOME_SKIPPED if errors else EXIT_DONE)


def _counted(number: int, noun: str) -> str:
    from zsi_core.coco.validate import MAX_LISTED

    if number > MAX_LISTED:
        return f"more than {MAX_LISTED} {noun}s"
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
