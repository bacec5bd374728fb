"""Zero-shot detector (section 3.2.1, Fig. 3).

Symbols
    f    visual feature of a region              T_e  encoder, a linear map F -> D
    e    semantic feature of a region            T_d  decoder, a linear map D -> F
    W    word vectors of a vocabulary (W_s, W_u) v_b  background vector of the region's image
    L_R  reconstruction loss between f and T_d(T_e(f)) (Eq. 1)

Shapes
    R  regions    C  pyramid channels    F  width of the visual feature    D  length of a word vector
    K  names of the vocabulary           V  words between the two factors of T_e and T_d
    S  box regressions: 1, or 1 + n for background (unused) and n seen classes
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


class EncoderThroughWords(nn.Module):
    """T_e of the published code: F -> D -> V -> D, with fixed word vectors in the middle.

    Everything is linear, so it is one map F -> D in two factors.
    """

    def __init__(self, width: int, dimension: int, words: int) -> None:
        super().__init__()
        self.fc = nn.Linear(width, dimension)
        self.kernel = nn.Linear(words, dimension)
        self.vocabulary: Tensor
        self.register_buffer("vocabulary", torch.zeros(dimension, words))

    def forward(self, f: Tensor) -> Tensor:
        """e (R, D) of f (R, F)."""
        return self.kernel(self.fc(f) @ self.vocabulary)

    @torch.no_grad()
    def folded(self) -> nn.Linear:
        """The same function as one linear map."""
        across = self.kernel.weight.double() @ self.vocabulary.double().T
        single = nn.Linear(self.fc.in_features, self.kernel.out_features).to(self.fc.weight.device)
        single.weight.copy_(across @ self.fc.weight.double())
        single.bias.copy_(across @ self.fc.bias.double() + self.kernel.bias.double())
        return single


class DecoderThroughWords(nn.Module):
    """T_d of the published code: D -> V -> D -> F, through the vocabulary of the encoder."""

    def __init__(self, width: int, dimension: int, words: int) -> None:
        super().__init__()
        self.kernel = nn.Linear(dimension, words)
        self.fc = nn.Linear(dimension, width)

    def forward(self, e: Tensor, vocabulary: Tensor) -> Tensor:
        """Reconstruction (R, F) of f from e (R, D) and the vocabulary (D, V)."""
        return self.fc(self.kernel(e) @ vocabulary.T)


class ZeroShotDetector(nn.Module):
    """Regions to semantic features, refined boxes and scores against any word vectors.

    Parameters: `fc1` (F, C * 49), its input flattened as C, 7, 7; `fc2` (F, F); `T_e` (D, F) and `T_d`
    (F, D), or with a vocabulary `T_e.fc` (D, F), `T_e.kernel` (D, V), `T_e.vocabulary` (D, V), `T_d.kernel`
    (V, D) and `T_d.fc` (F, D); `deltas` (4 * S, F); `log_temperature` with cosine scores.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, dimension, words = config.box_features, config.semantic_dimension, config.vocabulary_words
        self.word_norm = config.word_norm
        self.fc1 = nn.Linear(config.pyramid_channels * POOLED**2, width)
        self.fc2 = nn.Linear(width, width)
        self.T_e = EncoderThroughWords(width, dimension, words) if words else nn.Linear(width, dimension)
        self.T_d: nn.Module | None = None
        if config.detector_decoder:
            self.T_d = DecoderThroughWords(width, dimension, words) if words else nn.Linear(dimension, width)
        self.slots = 1 + config.box_slots
        self.deltas = nn.Linear(width, 4 * self.slots)
        self.log_temperature: nn.Parameter | None = None
        if config.scores == "cosine":
            self.log_temperature = nn.Parameter(torch.tensor(math.log(config.temperature)))
        nn.init.normal_(self.deltas.weight, std=0.001)
        nn.init.zeros_(self.deltas.bias)
        self.iou = nn.Linear(width, 1) if config.iou_head else None

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of pooled regions.

        Args:
            pooled: (R, C, 7, 7).

        Returns:
            f (R, F), e = T_e(f) (R, D), and box deltas (R, 4 * S).
        """
        f = F.relu(self.fc2(F.relu(self.fc1(pooled.flatten(1)))))
        return f, self.T_e(f), self.deltas(f)

    def scores(self, e: Tensor, word_vectors: Tensor, background: Tensor) -> Tensor:
        """Cosine scores times the learned temperature, or dot products, before the softmax.

        Args:
            e: (R, D).
            word_vectors: W, (K, D) of unit length.
            background: (R, D), v_b of each region's image.

        Returns:
            (R, 1 + K) float32, background first.
        """
        e, background = e.float(), background.float()
        if self.log_temperature is None:
            names = e @ (self.word_norm * word_vectors.float()).T
            return torch.cat([(e * background).sum(dim=1, keepdim=True), names], dim=1)
        e = F.normalize(e, dim=1)
        names = e @ F.normalize(word_vectors.float(), dim=1).T
        nothing = (e * F.normalize(background, dim=1)).sum(dim=1, keepdim=True)
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
        return (of_rpn * self.iou_logits(f).sigmoid()).sqrt()

    def iou_logits(self, f: Tensor) -> Tensor:
        """Predicted overlap of refined boxes with their objects before the sigmoid, (R,), of f (R, F)."""
        assert self.iou is not None
        return self.iou(f).float()[:, 0]

    def iou_loss(self, f: Tensor, refined: Tensor, matched: Tensor) -> Tensor:
        """Sum over foreground regions of the error of the predicted overlap (smooth L1).

        Args:
            f: (R, F) of foreground regions.
            refined, matched: (R, 4), their refined boxes and their objects.
        """
        overlap = box_iou(refined.detach(), matched).diagonal()
        return F.smooth_l1_loss(self.iou_logits(f).sigmoid(), overlap, reduction="sum")

    def own_deltas(self, deltas: Tensor, labels: Tensor) -> Tensor:
        """Of all regressions (R, 4 * S), that of each region's class (R, 4).

        Args:
            labels: (R,) int64 from 1 on, as trained; with one regression for all they do not matter.
        """
        if self.slots == 1:
            return deltas
        return deltas.view(-1, self.slots, 4)[torch.arange(len(labels), device=labels.device), labels]

    def reconstructed(self, e: Tensor) -> Tensor:
        """T_d(e), (R, F)."""
        assert self.T_d is not None
        if isinstance(self.T_e, EncoderThroughWords):
            return self.T_d(e, self.T_e.vocabulary)
        return self.T_d(e)

    def reconstruction_loss(self, f: Tensor, e: Tensor) -> Tensor:
        """L_R of Eq. 1 as a mean over elements; zero without a decoder."""
        if self.T_d is None:
            return f.sum() * 0.0
        error = (self.reconstructed(e).float() - f.float()).square()
        return error.mean() if error.numel() else error.sum()
