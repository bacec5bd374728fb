"""A batch over many images takes no more memory than one over a few."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.project.commands import AddClass
from app.proposals.batch_plan import BatchPlan
from tests.gui.conftest import Hand, make_image

PATIENCE_MS = 1_200_000
"""On a busy machine; less than a minute is usual."""
WARM, ALL = 60, 260
MEGABYTES = 16
"""What both processes may grow by, over 200 images; a leak of a single small picture each would be 30."""


def resident(process: int) -> float:
    """Megabytes of a process that are in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_a_batch_stays_flat(
    make_window: Callable[[], Hand],
    tiny_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZSI_MODELS", str(tiny_checkpoint.parent))
    for number in range(ALL):
        make_image(tmp_path / "many" / f"{number:03}.png", (256, 192), seed=number)
    hand = make_window()
    link = hand.window.link
    # Few encoded images fit, so that the memory for them is full after the first ones.
    link._command = [sys.executable, "-P", "-m", "zsi_core.engine", "--memory-megabytes", "8"]
    hand.window.settings.remember_model("tiny", "cpu")
    hand.window.proposals.automatic = False
    link.start()
    hand.open(tmp_path / "many")
    hand.bot.waitUntil(lambda: link.ready, timeout=PATIENCE_MS)
    hand.project.do(AddClass("cat"))
    batch = hand.window.batching.batch
    batch.begin(BatchPlan.new(hand.project.image_ids(), [1]))
    client = link._client
    assert client is not None and client._engine is not None and batch.job is not None
    processes, job = (os.getpid(), client._engine.process.number), batch.job

    hand.bot.waitUntil(lambda: job.done >= WARM, timeout=PATIENCE_MS)
    before = [resident(process) for process in processes]
    hand.bot.waitUntil(lambda: not job.running, timeout=PATIENCE_MS)
    growth = [resident(process) - former for process, former in zip(processes, before, strict=True)]
    assert job.problems == []
    print(f"window and engine: {before} MB, grown by {growth} MB")
    assert max(growth) < MEGABYTES
