"""`zsi validate`: find the faults of a COCO annotation file, and mend them in a copy."""

from __future__ import annotations

from pathlib import Path

import typer

from zsi_core.errors import EXIT_DONE, EXIT_SOME_SKIPPED


def validate(
    file: Path = typer.Argument(..., help="COCO annotation file (JSON)."),
    images: Path | None = typer.Option(
        None, "--images", metavar="DIR", help="Folder of its images: check that they exist and fit."
    ),
    fix: Path | None = typer.Option(
        None, "--fix", metavar="COPY", help="Write a mended copy, and say what was mended and left out."
    ),
) -> None:
    """Check a COCO annotation file: one line for each fault, then a summary.

    With --fix, the lines say what was mended, and which faults the copy still has.

    Exit code 0: no errors (warnings are allowed); 1: errors were found, or, with --fix, something was left
    out or errors remain; 2: the file cannot be read.
    """
    if fix is None:
        errors = _check(file, images)
        raise typer.Exit(EXIT_SOME_SKIPPED if errors else EXIT_DONE)

    from zsi_core.coco.fix import fix as mend

    tally = mend(file, fix, images)
    for line in tally.lines():
        typer.echo(line)
    typer.echo(f"{fix}: {tally.totals} written")
    errors = _check(fix, images)
    raise typer.Exit(EXIT_SOME_SKIPPED if errors or tally.skipped else EXIT_DONE)


def _check(file: Path, images: Path | None) -> int:
    """Print the faults of a file; returns the number of errors."""
    from zsi_core.coco.faults import Severity
    from zsi_core.coco.validate import validate as find_faults

    faults = find_faults(file, images)
    for fault in faults:
        typer.echo(str(fault))
    errors = sum(fault.severity is Severity.ERROR for fault in faults)
    typer.echo(f"{file}: {_counted(errors, 'error')}, {_counted(len(faults) - errors, 'warning')}")
    return errors


def _counted(number: int, noun: str) -> str:
    from zsi_core.coco.validate import MAX_LISTED

    if number > MAX_LISTED:
        return f"more than {MAX_LISTED} {noun}s"
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
