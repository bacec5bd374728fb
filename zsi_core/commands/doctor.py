"""`zsi doctor`: is this installation sound, and what is missing?"""

from __future__ import annotations

import typer

from zsi_core.errors import EXIT_DONE

EXIT_FAULTS = 1
COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


def doctor() -> None:
    """Check versions, device, system libraries, folders and models, and run a self-test.

    Exits with 0 when nothing failed (warnings are allowed), else with 1.
    """
    from zsi_core.doctor import Status, examine

    count = dict.fromkeys(Status, 0)
    for finding in examine():
        count[finding.status] += 1
        status = typer.style(f"{finding.status.value:<9}", fg=COLOURS[finding.status.value])
        typer.echo(f"{status}{finding.topic:<18}{finding.text}")
        if finding.remedy:
            typer.echo(f"{'':27}-> {finding.remedy}")
    typer.echo(f"{count[Status.OK]} ok, {count[Status.WARNING]} warnings, {count[Status.FAILED]} failed")
    raise typer.Exit(EXIT_FAULTS if count[Status.FAILED] else EXIT_DONE)
