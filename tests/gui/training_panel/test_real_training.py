"""A short retraining with the real process and a small network, driven through the real window."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.training_panel.setup_dialog import SetupDialog
from tests.gui.conftest import Hand
from tests.gui.training_panel.conftest import Trainee
from zsi_core.checkpoint import CheckpointInfo, read_info, save_checkpoint, vectors_sha256
from zsi_core.files import user_models_dir

TRAINER = [sys.executable, str(Path(__file__).with_name("small_training.py"))]
PATIENCE_MS = 240_000

if TYPE_CHECKING:
    from zsi_core.model import ModelConfig


@pytest.fixture
def small_model(own_folders: Path, small_network: ModelConfig) -> str:
    """Installed name of a network that nothing was taught, but which is complete."""
    import torch

    from zsi_core.model import ZSI
    from zsi_core.semantics import WordTable
    from zsi_core.semantics.resolve import resolve_all

    table = WordTable.bundled()
    torch.manual_seed(0)
    seen = ("dog", "car")
    info = CheckpointInfo(small_network, seen, vectors_sha256(resolve_all(table, seen)), table.sha256)
    info = replace(info, preprocessing={"canvases": [[96, 96]]}, calibration={"threshold": 0.3})
    folder = user_models_dir() / "small"
    folder.parent.mkdir(parents=True)
    save_checkpoint(
        folder, ZSI(small_network, torch.from_numpy(table.vector("background"))), info, "# small\n"
    )
    return folder.name


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_real_run_is_stopped_goes_on_and_is_kept(
    small_model: str, make_trainee: Callable[[], Trainee], make_window: Callable[[], Hand]
) -> None:
    def until(condition: Callable[[], object]) -> None:
        trainee.hand.bot.waitUntil(lambda: bool(condition()), timeout=PATIENCE_MS)

    trainee = make_trainee()
    trainee.control.command = TRAINER
    trainee.hand.window.settings.remember_model(small_model, None)
    before = trainee.hand.snapshot()
    dialog: SetupDialog = trainee.setup(wait=False)
    until(lambda: "About" in dialog.estimate.text())
    dialog.start_button.click()
    until(lambda: trainee.control.status is not None and trainee.control.status.step >= 2)
    trainee.click("stop")
    until(lambda: trainee.control.status.state == "stopped")
    assert 0 < trainee.control.status.step < 40

    trainee.hand.window.close()
    trainee = make_trainee()
    trainee.control.command = TRAINER
    until(lambda: trainee.control.status is not None and trainee.control.status.state == "stopped")
    trainee.hand.window.registry["show_retraining"].trigger()
    trainee.click("resume")
    until(lambda: trainee.control.outcome is not None)
    outcome = trainee.control.outcome
    assert outcome is not None
    assert outcome.rows[0].name == "Trained classes"
    assert {row.name for row in outcome.rows if not row.is_group} >= {"gear", "bolt"}
    assert len(outcome.comparisons) > 0
    assert all((outcome.pictures / pair.after).is_file() for pair in outcome.comparisons)
    assert len(trainee.control.status.losses) > 1
    trainee.click("keep")
    until(lambda: "use" in trainee.shown.buttons)
    assert read_info(user_models_dir() / "small-v2").seen == ("dog", "car", "gear", "bolt")
    assert read_info(user_models_dir() / "small").seen == ("dog", "car")
    assert trainee.hand.snapshot() == before
