"""The mean of the weights of several runs (model soups, Wortsman et al., ICML 2022).

Runs that go on from one another, or from the same weights, lie in one valley: their mean is as good as the
best of them, or better, and depends less on a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from zsi_core.checkpoint import load_checkpoint, save_checkpoint
from zsi_core.checkpoint.store import CARD
from zsi_core.errors import TrainingError
from zsi_core.model import ZSI


def average_checkpoints(folders: Sequence[Path], out: Path) -> None:
    """Write the mean of the weights of checkpoints of the same network.

    An IoU head is left out: it belongs to the features of one run. `fit_iou_head` fits one to the mean.

    Args:
        folders: of the checkpoints, at least two. Description and card are those of the first.
        out: folder to write, without what only training needs.

    Raises:
        TrainingError: fewer than two, or another network or other seen classes than the first.
    """
    if len(folders) < 2:
        raise TrainingError("a mean needs at least two checkpoints: name another one")
    loaded = [load_checkpoint(folder) for folder in folders]
    info = loaded[0].info
    config = replace(info.model, iou_head=False, detector_decoder=False, mask_decoder=False)
    for other in loaded:
        same_classes = (other.info.seen, other.info.seen_sha256) == (info.seen, info.seen_sha256)
        if not (same_classes and config.same_network(replace(other.info.model, iou_head=False))):
            raise TrainingError(
                f"{other.path} holds another network, or other classes, than {folders[0]}: leave it out"
            )
    states = [other.model.state_dict() for other in loaded]
    model = ZSI(config, loaded[0].model.background_word)
    model.load_state_dict(
        {
            name: torch.stack([state[name] for state in states]).mean(dim=0)
            if own.is_floating_point()
            else states[0][name]
            for name, own in model.state_dict().items()
        }
    )
    card = (folders[0] / CARD).read_text(encoding="utf-8")
    save_checkpoint(out, model, replace(info, model=config, second_opinion=None), card)
