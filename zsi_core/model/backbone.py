"""Backbone and feature pyramid.

Shapes
    B  images in a batch
    C  channels of the pyramid
    Hl, Wl  height and width of pyramid level l: input size / 2**l, rounded up
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

LEVELS = (3, 4, 5, 6)
STRIDES = tuple(2**level for level in LEVELS)


class Backbone(nn.Module):
    """A timm network and torchvision's feature pyramid on its maps of stride 8, 16 and 32.

    Fine levels cost most and show least on ordinary photographs, so the pyramid is P3-P6; P6 is a
    max-pooled P5 as in Faster R-CNN with FPN.
    """

    def __init__(self, name: str, channels: int, freeze_batch_norm: bool) -> None:
        super().__init__()
        probe: Any = timm.create_model(name, features_only=True, pretrained=False)
        available = probe.feature_info.reduction()
        wanted = [i for i, stride in enumerate(available) if stride in STRIDES[:3]]
        if tuple(available[i] for i in wanted) != STRIDES[:3]:
            raise ValueError(
                f"backbone {name!r} must have feature maps of stride 8, 16 and 32, but has {available}"
            )
        body: Any = timm.create_model(name, features_only=True, pretrained=False, out_indices=wanted)
        self.body: nn.Module = body
        self.fpn = FeaturePyramidNetwork(body.feature_info.channels(), channels, LastLevelMaxPool())
        self.freeze_batch_norm = freeze_batch_norm

    def train(self, mode: bool = True) -> Backbone:
        """As `nn.Module.train`, except that frozen BatchNorm layers stay in evaluation mode."""
        super().train(mode)
        if mode and self.freeze_batch_norm:
            for module in self.body.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        """Pyramid of normalised images.

        Args:
            images: (B, 3, H, W), values in [-1, 1] (mean and standard deviation 0.5).

        Returns:
            {"P3": (B, C, H3, W3), ..., "P6": (B, C, H6, W6)}, finest first.
        """
        maps = self.body(images)
        pyramid = self.fpn(OrderedDict((f"P{level}", m) for level, m in zip(LEVELS[:3], maps, strict=True)))
        return OrderedDict((f"P{level}", m) for level, m in zip(LEVELS, pyramid.values(), strict=True))


def normalise(images: Tensor) -> Tensor:
    """uint8 RGB (..., 3, H, W) to float32 in [-1, 1]."""
    return images.to(torch.float32).div_(127.5).sub_(1.0)
