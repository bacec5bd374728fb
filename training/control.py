"""How a run is paused and stopped from outside: `DIR/control` (contract "Trainer"), Ctrl+C, SIGTERM."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from zsi_core.proposing.interruption import Interruption

if TYPE_CHECKING:  # the file is cleared before seconds are spent on importing torch
    from accelerate import Accelerator

CONTROL = "control"
POLL = 0.5
"""Seconds between two looks at the file while a run is paused."""

_WISHES = {"resume": 0, "pause": 1, "stop": 2}


def clear_control(folder: Path) -> None:
    """Forget what was wished of an earlier run; for the start of a process, before anybody can wish anew."""
    (folder / CONTROL).unlink(missing_ok=True)


class Control:
    """Wishes about a run, the same for all its processes."""

    def __init__(self, folder: Path, accelerator: Accelerator, interruption: Interruption) -> None:
        self.path = folder / CONTROL
        self.accelerator = accelerator
        self.interruption = interruption
        self._last = "resume"

    def stopped(self, tell: Callable[[str], None]) -> bool:
        """Whether the run is to stop now; waits as long as it is to pause. The wish to stop is used up.

        Args:
            tell: is told "paused" and "resumed".
        """
        wish = self._agreed()
        if wish == "pause":
            tell("paused")
            while (wish := self._agreed()) == "pause":
                time.sleep(POLL)
            if wish == "resume":
                tell("resumed")
        if wish == "stop" and self.accelerator.is_main_process:
            self.path.unlink(missing_ok=True)
        return wish == "stop"

    def _agreed(self) -> str:
        """The strongest wish that any process has heard of."""
        import torch

        wish = torch.tensor([_WISHES[self._heard()]], device=self.accelerator.device)
        if self.accelerator.num_processes > 1:
            wish = self.accelerator.gather(wish).max()
        return list(_WISHES)[int(wish)]

    def _heard(self) -> str:
        if self.interruption.requested:
            return "stop"
        if not self.accelerator.is_main_process:
            return "resume"
        try:
            word = self.path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            word = "resume"
        if word in _WISHES:  # anything else is a word that is just being written
            self._last = word
        return self._last
