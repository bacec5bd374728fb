"""Holding a network to what it said before a training, where no new label says otherwise.

A training on few images makes a network forget the rest. The network as it was, frozen, looks at the same
images. On regions that nobody labelled both should agree about features and boxes; on images of what it knows
(`Target.rehearsed`), which need no labels, in everything that RPN, detector and mask head say (Li and Hoiem,
Learning without Forgetting, ECCV 2016; for detectors Shmelkov et al., ICCV 2017, and Peng et al., Faster
ILOD, 2020).

Symbols
    e    semantic feature of a region    v_b  background vector of an image
    p    foreground probability of an anchor

Shapes
    B  images    R  regions of all images    L  anchors of an image    D  length of a word vector
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.detection.rpn import concat_box_prediction_layers
from torchvision.ops import box_iou

from zsi_core.model.loss_sums import LossSum
from zsi_core.model.targets import Target

if TYPE_CHECKING:
    from zsi_core.model.zsi import ZSI

REGIONS = 48
"""Most regions of an image, the former network's most object-like ones."""

MASKS = 8
"""Of these, most whose masks are compared."""

COVERED = 0.5
"""Overlap from which a region is that of a label, which it is to follow instead."""

Pyramid = OrderedDict[str, Tensor]


@dataclass(frozen=True)
class Former:
    """What a training is held to.

    Attributes:
        network: as it was before, frozen. It may share the backbone of the trained one.
        weight: factor of all losses here.
    """

    network: ZSI
    weight: float


def former_losses(
    trained: ZSI,
    former: Former,
    images: Tensor,
    pyramid: Pyramid,
    sizes: list[tuple[int, int]],
    word_vectors: Tensor,
    targets: Sequence[Target],
) -> dict[str, LossSum]:
    """How far two networks with the same heads have come apart on a batch.

    Args:
        trained: the network in training.
        former: the other one.
        images: (B, 3, H, W) uint8 RGB, padded.
        pyramid: what the trained network's backbone makes of them.
        sizes: (height, width) of each image within the batch.
        word_vectors: W_s, (K, D).
        targets: one per image.

    Returns:
        `loss_former_detector` over R regions (features, box deltas), and of rehearsed images
        `loss_former_rpn` (objectness, box deltas, v_b), `loss_former_semantic` (probabilities of the names)
        and with a mask head `loss_former_mask`.
    """
    old, weight = former.network, former.weight
    with torch.no_grad():
        known = pyramid if old.backbone is trained.backbone else old.pyramid(images, sizes)
        proposals = old.rpn.propose(list(known.values()), sizes).proposals
        boxes = [_held(p, t) for p, t in zip(proposals, targets, strict=True)]
    said = _Said(trained, old, pyramid, known, boxes)
    losses = {"loss_former_detector": said.distance()}
    rows = [row for row, target in enumerate(targets) if target.rehearsed]
    if rows:
        now, then = (OrderedDict((k, level[rows]) for k, level in p.items()) for p in (pyramid, known))
        rehearsed = [sizes[row] for row in rows]
        losses["loss_former_rpn"], backgrounds = _rpn_loss(trained, old, now, then, rehearsed)
        losses["loss_former_semantic"] = said.naming_distance(rows, word_vectors, backgrounds)
        if trained.mask_head is not None:
            first = [boxes[row][:MASKS] for row in rows]
            losses["loss_former_mask"] = _mask_loss(trained, old, now, then, first, backgrounds)
    return {name: LossSum(weight * loss.total, loss.count) for name, loss in losses.items()}


def _held(proposals: Tensor, target: Target) -> Tensor:
    """Of an image's proposals (R, 4), best first, those to hold on to."""
    if not target.rehearsed:
        covered = torch.cat([target.boxes, target.ignore])
        proposals = proposals[(box_iou(proposals, covered) < COVERED).all(dim=1)]
    return proposals[:REGIONS]


class _Said:
    """What both detectors say of some regions."""

    def __init__(self, trained: ZSI, old: ZSI, now: Pyramid, then: Pyramid, boxes: list[Tensor]) -> None:
        self.trained, self.old = trained, old
        self.counts = [len(b) for b in boxes]
        with torch.no_grad():
            self.old_f, self.wanted, self.old_deltas = old.detector(old.pooled_boxes(then, boxes))
        self.f, self.e, self.deltas = trained.detector(trained.pooled_boxes(now, boxes))

    def distance(self) -> LossSum:
        """1 - cos(e, former e), and the distances of box deltas (smooth L1) and of predicted overlaps, where
        there is an IoU head, a sum over regions."""
        turned = 1.0 - F.cosine_similarity(self.e.float(), self.wanted.float(), dim=1)
        moved = F.smooth_l1_loss(self.deltas.float(), self.old_deltas.float(), reduction="sum")
        total = turned.sum() + moved
        if self.trained.detector.iou is not None:
            with torch.no_grad():
                overlap = self.old.detector.iou_logits(self.old_f).sigmoid()
            total = total + _divergence(self.trained.detector.iou_logits(self.f), overlap).sum()
        return LossSum(total, len(self.e))

    def naming_distance(
        self, rows: list[int], word_vectors: Tensor, backgrounds: tuple[Tensor, Tensor]
    ) -> LossSum:
        """Kullback-Leibler divergence of the probabilities of background and names, a sum over the regions
        of the images `rows`, whose v_b are (B, D) of both networks."""
        counts = torch.tensor([self.counts[row] for row in rows], device=word_vectors.device)
        v_b, v_old = (b.repeat_interleave(counts, dim=0) for b in backgrounds)
        e, wanted = (
            torch.cat([parts[row] for row in rows])
            for parts in (self.e.split(self.counts), self.wanted.split(self.counts))
        )
        with torch.no_grad():
            before = F.log_softmax(self.old.detector.scores(wanted, word_vectors, v_old), dim=1)
        after = F.log_softmax(self.trained.detector.scores(e, word_vectors, v_b), dim=1)
        return LossSum(F.kl_div(after, before, reduction="sum", log_target=True), len(e))


def _rpn_loss(
    trained: ZSI, old: ZSI, now: Pyramid, then: Pyramid, sizes: list[tuple[int, int]]
) -> tuple[LossSum, tuple[Tensor, Tensor]]:
    """Distance of foreground probabilities and box deltas, a mean over anchors, each counted by its p, and of
    v_b, a sum over images; and v_b of both networks, (B, D)."""
    with torch.no_grad():
        wanted, moves, v_old = _anchors(old, then, sizes)
    scores, deltas, v_b = _anchors(trained, now, sizes)
    # Most anchors are background to both and would drown the others.
    counts = torch.maximum(scores.detach().sigmoid(), wanted.sigmoid())
    apart = _divergence(scores, wanted.sigmoid())
    moved = F.smooth_l1_loss(deltas, moves, beta=1 / 9, reduction="none").sum(dim=-1)
    mean = ((apart + moved) * counts).sum() / counts.sum()
    turned = (1.0 - F.cosine_similarity(v_b, v_old, dim=1)).sum()
    return LossSum(mean * len(sizes) + turned, len(sizes)), (v_b, v_old)


def _anchors(network: ZSI, pyramid: Pyramid, sizes: list[tuple[int, int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Objectness (B * L,), box deltas (B * L, 4) and background vectors (B, D), all float32."""
    hidden, objectness, deltas = network.rpn.head(list(pyramid.values()))
    background = network.rpn.head.background_vector(hidden, objectness, sizes)
    if background is None:
        background = network.background_word.expand(len(sizes), -1)
    scores, flat = concat_box_prediction_layers([o.float() for o in objectness], [d.float() for d in deltas])
    return scores[:, 0], flat, background.float()


def _mask_loss(
    trained: ZSI,
    old: ZSI,
    now: Pyramid,
    then: Pyramid,
    boxes: list[Tensor],
    backgrounds: tuple[Tensor, Tensor],
) -> LossSum:
    """Distance of the masks' probabilities, a mean over cells and a sum over regions.

    The name is the region's former feature e: what somebody types for the region lies in its direction.
    """
    repeats = torch.tensor([len(b) for b in boxes], device=backgrounds[0].device)
    v_b, v_old = (b.repeat_interleave(repeats, dim=0) for b in backgrounds)
    with torch.no_grad():
        words = F.normalize(old.detector(old.pooled_boxes(then, boxes))[1].float(), dim=1)
        wanted = _mask_logits(old, then, boxes, words, v_old).sigmoid()
    apart = _divergence(_mask_logits(trained, now, boxes, words, v_b), wanted)
    return LossSum(apart.flatten(1).mean(dim=1).sum(), len(words))


def _divergence(logits: Tensor, wanted: Tensor) -> Tensor:
    """Kullback-Leibler divergence of each probability, given before the sigmoid, from the one wanted."""
    # Not `binary_cross_entropy` of `wanted` with itself, which autocast on CUDA refuses.
    least = torch.special.entr(wanted) + torch.special.entr(1.0 - wanted)
    return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") - least


def _mask_logits(network: ZSI, pyramid: Pyramid, boxes: list[Tensor], words: Tensor, v_b: Tensor) -> Tensor:
    assert network.mask_head is not None
    return network.mask_head.logits(network.mask_head(network.pooled_masks(pyramid, boxes)), words, v_b)
