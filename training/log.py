"""Machine-readable progress of a run, `DIR/log.jsonl`, one JSON object per line (contract "Trainer")."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from zsi_core.errors import TrainingError

LOG = "log.jsonl"


class RunLog:
    """Appends events; every line is complete in the file before the call returns."""

    def __init__(self, folder: Path, *, enabled: bool = True) -> None:
        """
        Args:
            folder: of the run; is made.
            enabled: False in all processes of a run but one, which write nothing.

        Raises:
            TrainingError: the folder cannot be made.
        """
        self.path = folder / LOG
        self.enabled = enabled
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(
                f"{folder} cannot be made ({error.strerror}): choose another folder with --out"
            ) from error

    def write(self, event: str, **values: Any) -> None:
        """Append one event: started, step, eval, checkpoint, report, stopped, finished, error.

        JSON has no NaN and no infinity: a figure that is not finite is written as null.

        Raises:
            TrainingError: the file cannot be written.
        """
        if not self.enabled:
            return
        line = json.dumps(_strict({"event": event, "time": time.time(), **values}), allow_nan=False)
        try:
            with self.path.open("a+b") as stream:
                stream.write((_line_end(stream) + line + "\n").encode())
        except OSError as error:
            raise TrainingError(
                f"{self.path} cannot be written ({error.strerror}): free some space or check its "
                "permissions, then go on with --resume"
            ) from error

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Append the exception that ends the body, if one does, as an event."""
        try:
            yield
        except KeyboardInterrupt:
            self.write("stopped", message="interrupted before the step was finished: see --resume")
            raise
        except Exception as error:
            # A full disk may be what ended the body; the error itself must get through.
            with suppress(TrainingError):
                self.write("error", message=str(error) or type(error).__name__)
            raise


def _line_end(stream: IO[bytes]) -> str:
    """What completes the last line, which a killed process may have left without its end."""
    if stream.tell() == 0:
        return ""
    stream.seek(-1, os.SEEK_END)
    return "" if stream.read(1) == b"\n" else "\n"


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
