"""Semantic Mask Head (section 3.2.2, Fig. 4).

Symbols
    y    visual feature of a region's pixels      E  encoder, one 1x1 convolution C -> D
    e    semantic feature E(y) of every pixel     D  decoder, one 1x1 convolution D -> C
    w_c  word vector of the region's name         v_b  background vector of the region's image
    L_R  reconstruction loss between y and D(E(y)) (Eq. 1)

Shapes
    R  regions    C  channels of the head    Dim  length of a word vector
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zsi_core.model.config import ModelConfig

POOLED = 14
"""Side of a pooled region, in cells."""

MASK_SIZE = 2 * POOLED
"""Side of a predicted mask, in cells."""


class SemanticMaskHead(nn.Module):
    """Pixel features of regions, and masks of them for any word vector.

    E is linear, so <E(y), w> = <y, E^T w>: the word vector is projected to C numbers once instead of every
    pixel to Dim; the class-agnostic map adds its own kernel to it. A client keeps y and asks for as many
    names as it likes.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = config.mask_channels
        self.mode = config.mask_mode
        widths = [config.pyramid_channels] + [channels] * config.mask_convs
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths))
        self.upsample = nn.ConvTranspose2d(widths[-1], channels, 2, stride=2)
        for layer in (*self.convs, self.upsample):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        semantic = self.mode != "agnostic"
        self.E = nn.Conv2d(channels, config.semantic_dimension, 1) if semantic else None
        self.D = (
            nn.Conv2d(config.semantic_dimension, channels, 1) if semantic and config.mask_decoder else None
        )
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.bias = nn.Parameter(torch.tensor(0.0))
        self.agnostic = nn.Conv2d(channels, 1, 1) if self.mode != "semantic" else None

    def forward(self, pooled: Tensor) -> Tensor:
        """Pixel features y (R, C, 28, 28) of pooled regions (R, pyramid channels, 14, 14)."""
        for conv in self.convs:
            pooled = F.relu(conv(pooled))
        return F.relu(self.upsample(pooled))

    def logits(self, y: Tensor, word_vectors: Tensor, background: Tensor) -> Tensor:
        """Mask logits s (<e, w_c> - <e, v_b>) + b, plus the class-agnostic map where configured.

        Args:
            y: (R, C, 28, 28).
            word_vectors: (R, Dim), the name of each region.
            background: (R, Dim), v_b of each region's image.

        Returns:
            (R, 28, 28) float32.
        """
        kernel = y.new_zeros(len(y), y.shape[1], dtype=torch.float32)
        offset = self.bias.expand(len(y), 1)
        if self.E is not None:
            contrast = F.normalize(word_vectors.float(), dim=1) - F.normalize(background.float(), dim=1)
            kernel = kernel + self.scale * (contrast @ self.E.weight.flatten(1))
            offset = offset + self.scale * F.linear(contrast, self.E.bias[None])  # type: ignore[index]
        if self.agnostic is not None:
            kernel = kernel + self.agnostic.weight.flatten(1)
            offset = offset + self.agnostic.bias  # type: ignore[operator]
        logits = torch.bmm(kernel[:, None], y.float().flatten(2))[:, 0] + offset
        return logits.float().view(len(y), *y.shape[2:])

    def reconstruction_loss(self, y: Tensor) -> Tensor:
        """L_R of Eq. 1 as a mean over elements; zero without a decoder."""
        if self.E is None or self.D is None:
            return y.sum() * 0.0
        error = (self.D(self.E(y)).float() - y.float()).square()
        return error.mean() if error.numel() else error.sum()
