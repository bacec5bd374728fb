"""Losses of the mask head besides the paper's."""

from __future__ import annotations

import torch

from zsi_core.model.mask_head import dice_loss


def test_dice_is_the_overlap_of_each_mask_alone() -> None:
    truth = torch.zeros(2, 28, 28)
    truth[0, :14], truth[1, 0, :4] = 1.0, 1.0
    sure = 200 * truth - 100
    assert dice_loss(sure, truth) < 1e-6
    shifted = torch.full_like(truth, -100.0)
    shifted[0, 7:21] = shifted[1, 0, 2:6] = 100.0
    expected = 1 - torch.tensor([(392 + 1) / (784 + 1), (4 + 1) / (8 + 1)]).mean()
    assert torch.isclose(dice_loss(shifted, truth), expected)


def test_dice_joins_the_mask_loss_and_no_other(make_model, words, scene) -> None:
    images, sizes, targets = scene
    found = []
    for weight in (0.0, 2.0):
        model = make_model(mask_dice_weight=weight).train()
        torch.manual_seed(3)
        found.append(model(images, sizes, words, targets))
    plain, both = found
    assert 0.0 < (both["loss_mask"] - plain["loss_mask"]) / 2.0 < 1.0
    assert all(torch.equal(both[name], plain[name]) for name in plain if name != "loss_mask")
