"""A deeper mask head that begins as a shallower one (Net2DeeperNet, Chen et al. 2016)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from zsi_core.model import ModelConfig


def deepen_mask_head(
    weights: dict[str, Tensor], config: ModelConfig, convs: int
) -> tuple[dict[str, Tensor], ModelConfig]:
    """Weights and configuration with `convs` convolutions before the encoder, the new ones identities.

    An identity changes nothing there, because it follows a ReLU.

    Args:
        weights: of a whole network.
        config: its configuration.
        convs: number wanted; as many or fewer than it has, or a head that has none, leave it as it is.
    """
    if not 0 < config.mask_convs < convs:
        return weights, config
    channels = config.mask_channels
    identity = nn.init.dirac_(torch.empty(channels, channels, 3, 3))
    added = {
        key: value.clone()
        for i in range(config.mask_convs, convs)
        for key, value in (
            (f"mask_head.convs.{i}.weight", identity),
            (f"mask_head.convs.{i}.bias", torch.zeros(channels)),
        )
    }
    return weights | added, replace(config, mask_convs=convs)
