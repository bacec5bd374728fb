"""Zero-shot detector (section 3.2.1, Fig. 3).

Symbols
    f    visual feature of a region              T_e  encoder, one linear map F -> D
    e    semantic feature of a region            T_d  decoder, one linear map D -> F
    W    word vectors of a vocabulary (W_s, W_u) v_b  background vector of the region's image
    L_R  reconstruction loss between f and T_d(T_e(f)) (Eq. 1)

Shapes
    R  regions    C  pyramid channels    F  width of the visual feature    D  length of a word vector
    K  names of the vocabulary
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import box_iou

from zsi_core.model.config import ModelConfig

POOLED = 7
"""Side of a pooled region, in cells."""

MAX_TEMPERATURE = 100.0


class ZeroShotDetector(nn.Module):
    """Regions to semantic features, refined boxes and scores against any word vectors."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.box_features
        self.fc1 = nn.Linear(config.pyramid_channels * POOLED**2, width)
        self.fc2 = nn.Linear(width, width)
        self.T_e = nn.Linear(width, config.semantic_dimension)
        self.T_d = nn.Linear(config.semantic_dimension, width) if config.detector_decoder else None
        self.deltas = nn.Linear(width, 4)
        self.log_temperature = nn.Parameter(torch.tensor(math.log(config.temperature)))
        nn.init.normal_(self.deltas.weight, std=0.001)
        nn.init.zeros_(self.deltas.bias)
        self.iou = nn.Linear(width, 1) if config.iou_head else None

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of pooled regions.

        Args:
            pooled: (R, C, 7, 7).

        Returns:
            f (R, F), e = T_e(f) (R, D), and class-agnostic box deltas (R, 4).
        """
        f = F.relu(self.fc2(F.relu(self.fc1(pooled.flatten(1)))))
        return f, self.T_e(f), self.deltas(f)

    def scores(self, e: Tensor, word_vectors: Tensor, background: Tensor) -> Tensor:
        """Cosine scores times the learned temperature, before the softmax.

        Args:
            e: (R, D).
            word_vectors: W, (K, D).
            background: (R, D), v_b of each region's image.

        Returns:
            (R, 1 + K) float32, background first.
        """
        e = F.normalize(e.float(), dim=1)
        names = e @ F.normalize(word_vectors.float(), dim=1).T
        nothing = (e * F.normalize(background.float(), dim=1)).sum(dim=1, keepdim=True)
        return torch.cat([nothing, names], dim=1) * self.log_temperature.exp().clamp(max=MAX_TEMPERATURE)

    def objectness(self, f: Tensor, of_rpn: Tensor) -> Tensor:
        """Objectness of regions: the RPN's, or its geometric mean with the predicted overlap.

        Args:
            f: (R, F).
            of_rpn: (R,) foreground probability.

        Returns:
            (R,) float32 in [0, 1].
        """
        if self.iou is None:
            return of_rpn
        return (of_rpn * self.iou(f).float().sigmoid()[:, 0]).sqrt()

    def iou_loss(self, f: Tensor, refined: Tensor, matched: Tensor) -> Tensor:
        """Sum over foreground regions of the error of the predicted overlap (smooth L1).

        Args:
            f: (R, F) of foreground regions.
            refined, matched: (R, 4), their refined boxes and their objects.
        """
        assert self.iou is not None
        overlap = box_iou(refined.detach(), matched).diagonal()
        return F.smooth_l1_loss(self.iou(f).float().sigmoid()[:, 0], overlap, reduction="sum")

    def reconstruction_loss(self, f: Tensor, e: Tensor) -> Tensor:
        """L_R of Eq. 1 as a mean over elements; zero without a decoder."""
        if self.T_d is None:
            return f.sum() * 0.0
        error = (self.T_d(e).float() - f.float()).square()
        return error.mean() if error.numel() else error.sum()
