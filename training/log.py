"""Machine-readable progress of a run, `DIR/log.jsonl`, one JSON object per line (contract "Trainer")."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class RunLog:
    """Appends events; every line is complete in the file before the call returns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "log.jsonl"

    def write(self, event: str, **values: Any) -> None:
        """Append one event: started, step, checkpoint, finished, stopped, error.

        JSON has no NaN and no infinity: a figure that is not finite is written as null.
        """
        line = json.dumps(_strict({"event": event, "time": time.time(), **values}), allow_nan=False)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Append the exception that ends the body, if one does, as an event."""
        try:
            yield
        except Exception as error:
            self.write("error", message=str(error) or type(error).__name__)
            raise


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
