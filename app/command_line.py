"""`zsi` as it is installed: the commands of the library, and those that need a project file.

The library knows nothing of projects, so the whole is put together here, above both.
"""

from __future__ import annotations

from app.exchange.commands import export, import_annotations
from app.retraining.command import retrain
from zsi_core.cli import app, main

app.command()(export)
app.command(name="import")(import_annotations)
app.command()(retrain)

__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
