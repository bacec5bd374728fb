"""The mean of the weights of several runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.averaging import average_checkpoints
from zsi_core.checkpoint import load_checkpoint, save_checkpoint
from zsi_core.errors import TrainingError
from zsi_core.model import ZSI


def variant(start: Path, folder: Path, factor: float, **fields) -> Path:
    """The checkpoint with its weights multiplied, and fields of its network changed."""
    loaded = load_checkpoint(start)
    config = replace(loaded.info.model, **fields)
    model = ZSI(config, loaded.model.background_word)
    weights = {
        name: value * factor if value.is_floating_point() else value
        for name, value in loaded.model.state_dict().items()
    }
    own = model.state_dict()
    model.load_state_dict({name: weights.get(name, value) for name, value in own.items()})
    save_checkpoint(folder, model, replace(loaded.info, model=config), "# Card\n")
    return folder


def test_the_mean_lies_between_and_has_no_iou_head(start: Path, tmp_path: Path) -> None:
    one = variant(start, tmp_path / "one", 1.0)
    other = variant(start, tmp_path / "other", 0.5, iou_head=True)
    average_checkpoints([one, other], tmp_path / "mean")
    mean, before = load_checkpoint(tmp_path / "mean"), load_checkpoint(one).model.state_dict()
    assert not mean.info.model.iou_head
    assert mean.info.seen == load_checkpoint(start).info.seen
    for name, value in mean.model.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, 0.75 * before[name], rtol=1e-2, atol=1e-4)


def test_what_has_no_mean_is_refused(start: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="at least two"):
        average_checkpoints([start], tmp_path / "mean")
    other = variant(start, tmp_path / "other", 1.0, mask_mode="semantic")
    with pytest.raises(TrainingError, match=r"other holds another network, or other classes, than .*small"):
        average_checkpoints([start, other], tmp_path / "mean")
    loaded = load_checkpoint(start)
    cats = replace(loaded.info, seen=("cat",))
    save_checkpoint(tmp_path / "cats", loaded.model, cats, "# Card\n")
    with pytest.raises(TrainingError, match="cats holds another network, or other classes"):
        average_checkpoints([start, tmp_path / "cats"], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
