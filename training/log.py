"""Machine-readable progress of a run, `DIR/log.jsonl`, one JSON object per line (contract "Trainer")."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class RunLog:
    """Appends events; every line is complete on disk before the call returns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "log.jsonl"

    def write(self, event: str, **values: Any) -> None:
        """Append one event: started, step, checkpoint, finished, stopped, error."""
        line = json.dumps({"event": event, "time": time.time(), **values}, allow_nan=True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
