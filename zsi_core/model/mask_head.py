"""Semantic Mask Head (section 3.2.2, Fig. 4).

Symbols
    y    visual feature of a region's pixels      E  encoder, a 1x1 convolution C -> Dim
    e    semantic feature E(y) of every pixel     D  decoder, a 1x1 convolution Dim -> C
    h    input of E's last, linear convolution: y itself where E is one convolution
    w_c  word vector of the region's name         v_b  background vector of the region's image
    L_R  reconstruction loss between y and D(E(y)) (Eq. 1)

Shapes
    R  regions    C  channels of the head    Dim  length of a word vector    Ch  channels of h: C or Dim
    k  side of E's last convolution: 1 or 3
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

    E's last convolution is linear, so <E(h), w> = <h, E^T w>: the word vector is projected to a kernel once
    instead of every pixel to Dim; the class-agnostic map adds its own kernel to it. A client keeps h and asks
    for as many names as it likes.

    Parameters: `convs.i` (C, C, 3, 3), `upsample` (C, C, 2, 2), then with linear E and D `E` (Dim, C, 1, 1)
    and `D` (C, Dim, 1, 1); with convolutions `E_hidden` (Dim, C, 3, 3), `E` (Dim, Dim, 3, 3), `D.0`
    (Dim, Dim, 3, 3) and `D.1` (C, Dim, 3, 3); `scale` and `bias` with contrast; `agnostic` (1, Ch, k, k).
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
        deep = semantic and config.mask_encoder == "convolutions"
        dimension, side = config.semantic_dimension, 3 if deep else 1
        self.E_hidden = nn.Conv2d(channels, dimension, 3, padding=1) if deep else None
        inner = dimension if deep else channels
        self.E = nn.Conv2d(inner, dimension, side, padding=side // 2) if semantic else None
        self.D: nn.Module | None = None
        if semantic and config.mask_decoder:
            self.D = _deep_decoder(dimension, channels) if deep else nn.Conv2d(dimension, channels, 1)
        self.word_norm = config.word_norm
        self.scale: nn.Parameter | None = None
        self.bias: nn.Parameter | None = None
        if config.mask_contrast:
            self.scale = nn.Parameter(torch.tensor(1.0))
            self.bias = nn.Parameter(torch.tensor(0.0))
        self.agnostic = nn.Conv2d(inner, 1, side, padding=side // 2) if self.mode != "semantic" else None

    def forward(self, pooled: Tensor) -> Tensor:
        """Pixel features h (R, Ch, 28, 28) of pooled regions (R, pyramid channels, 14, 14)."""
        return self.hidden(self.visual(pooled))

    def visual(self, pooled: Tensor) -> Tensor:
        """y (R, C, 28, 28) of pooled regions (R, pyramid channels, 14, 14)."""
        for conv in self.convs:
            pooled = F.relu(conv(pooled))
        return F.relu(self.upsample(pooled))

    def hidden(self, y: Tensor) -> Tensor:
        """h (R, Ch, 28, 28) of y (R, C, 28, 28)."""
        return y if self.E_hidden is None else F.relu(self.E_hidden(y))

    def logits(self, h: Tensor, word_vectors: Tensor, background: Tensor) -> Tensor:
        """Mask logits s (<e, w_c> - <e, v_b>) + b, plus the class-agnostic map where configured.

        Args:
            h: (R, Ch, 28, 28).
            word_vectors: (R, Dim), the name of each region, of unit length.
            background: (R, Dim), v_b of each region's image.

        Returns:
            (R, 28, 28) float32.
        """
        kernel = h.new_zeros(1, dtype=torch.float32)
        offset = kernel.expand(len(h), 1) if self.bias is None else self.bias.expand(len(h), 1)
        if self.E is not None:
            scale: Tensor | float = self.word_norm
            words = word_vectors.float()
            if self.scale is not None:
                scale = self.scale
                words = F.normalize(words, dim=1) - F.normalize(background.float(), dim=1)
            kernel = kernel + scale * (words @ self.E.weight.flatten(1))
            offset = offset + scale * F.linear(words, self.E.bias[None])  # type: ignore[index,operator]
        if self.agnostic is not None:
            kernel = kernel + self.agnostic.weight.flatten(1)
            offset = offset + self.agnostic.bias  # type: ignore[operator]
        return _correlated(h.float(), kernel.expand(len(h), -1)) + offset[:, :, None]

    def reconstruction_loss(self, y: Tensor, h: Tensor) -> Tensor:
        """L_R of Eq. 1 as a mean over elements; zero without a decoder."""
        if self.E is None or self.D is None:
            return y.sum() * 0.0
        error = (self.D(self.E(h)).float() - y.float()).square()
        return error.mean() if error.numel() else error.sum()


def dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Soft Dice loss, the mean over masks (Milletari et al. 2016, without squares).

    One is added above and below, so that an empty mask is worth something.

    Args:
        logits: (R, k, k), R above 0.
        truth: (R, k, k), 0 or 1.
    """
    p, g = logits.float().sigmoid().flatten(1), truth.flatten(1)
    return (1 - (2 * (p * g).sum(dim=1) + 1) / (p.sum(dim=1) + g.sum(dim=1) + 1)).mean()


def _deep_decoder(dimension: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(dimension, dimension, 3, padding=1),
        nn.Conv2d(dimension, channels, 3, padding=1),
        nn.ReLU(),
    )


def _correlated(h: Tensor, kernels: Tensor) -> Tensor:
    """(R, H, W) of maps (R, Ch, H, W), each with its own kernel (R, Ch * k * k)."""
    regions, channels = h.shape[:2]
    if regions == 0:
        return h.sum(dim=1) + kernels.sum()
    if kernels.shape[1] == channels:
        return torch.bmm(kernels[:, None], h.flatten(2))[:, 0].view(regions, *h.shape[2:])
    side = round((kernels.shape[1] / channels) ** 0.5)
    return F.conv2d(
        h.reshape(1, -1, *h.shape[2:]),
        kernels.reshape(regions, channels, side, side),
        padding=side // 2,
        groups=regions,
    )[0]
