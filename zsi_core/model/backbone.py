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

from zsi_core.model.config import COARSEST_LEVEL

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Of the red, green and blue values 0-255 of photographs."""


class Backbone(nn.Module):
    """A timm network and torchvision's feature pyramid on its maps up to stride 32.

    Fine levels cost most and show least on ordinary photographs, so the pyramid is P3-P6 by default; P6 is a
    max-pooled P5 as in Faster R-CNN with FPN.

    Parameters: `body` has the names of the timm network (those of torchvision for a ResNet), `fpn` those of
    torchvision: `inner_blocks.i.0` and `layer_blocks.i.0`, finest level first.
    """

    def __init__(self, name: str, channels: int, freeze_batch_norm: bool, finest_level: int = 3) -> None:
        super().__init__()
        self.levels = range(finest_level, COARSEST_LEVEL + 1)
        strides = [2**level for level in self.levels[:-1]]
        probe: Any = timm.create_model(name, features_only=True, pretrained=False)
        available = probe.feature_info.reduction()
        wanted = [i for i, stride in enumerate(available) if stride in strides]
        if [available[i] for i in wanted] != strides:
            listed = f"{', '.join(map(str, strides[:-1]))} and {strides[-1]}"
            raise ValueError(
                f"backbone {name!r} must have feature maps of stride {listed}, but has {available}"
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
            images: (B, 3, H, W), normalised.

        Returns:
            {"P3": (B, C, H3, W3), ..., "P6": (B, C, H6, W6)}, finest first.
        """
        maps = zip(self.levels[:-1], self.body(images), strict=True)
        pyramid = self.fpn(OrderedDict((f"P{level}", m) for level, m in maps))
        return OrderedDict((f"P{level}", m) for level, m in zip(self.levels, pyramid.values(), strict=True))


def normalise(images: Tensor) -> Tensor:
    """uint8 RGB (..., 3, H, W) to float32 in [-1, 1]."""
    return images.to(torch.float32).div_(127.5).sub_(1.0)


def normalise_imagenet(images: Tensor, sizes: list[tuple[int, int]]) -> Tensor:
    """uint8 RGB (B, 3, H, W) to float32 with ImageNet's mean and deviation, zero in the padding.

    Args:
        sizes: (height, width) of each image within the batch.
    """
    mean = torch.tensor(IMAGENET_MEAN, device=images.device)[:, None, None]
    std = torch.tensor(IMAGENET_STD, device=images.device)[:, None, None]
    values = (images.to(torch.float32) - mean) / std
    for value, (height, width) in zip(values, sizes, strict=True):
        value[:, height:] = 0.0
        value[:, :, width:] = 0.0
    return values
