"""Background-aware region proposal network (BA-RPN, section 3.2.3, Fig. 5).

Symbols
    T      1x1 convolution from pyramid features to semantic features s
    W_bf   word vectors for background and foreground, one pair per anchor shape
    v_b    background vector: mean of the background rows of W_bf, plus the image's own part

Shapes
    B  images        C  pyramid channels    D  length of a word vector
    A  anchors per location                 Hl, Wl  size of level l
    L  locations of all levels of an image  P  proposals kept of an image
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RegionProposalNetwork, concat_box_prediction_layers
from torchvision.ops import box_area, box_iou

from zsi_core.model import mmdetection
from zsi_core.model.config import ModelConfig
from zsi_core.model.image_sampler import ImageSampler
from zsi_core.model.loss_sums import LossSum
from zsi_core.model.targets import Target

ANCHORS_TRAINED, POSITIVE_FRACTION = 256, 0.5
"""Anchors of an image that a training step looks at, and the largest share of positive ones."""


@dataclass(frozen=True)
class RPNOutput:
    """Proposals of a batch and what the heads need from the RPN.

    Attributes:
        proposals: per image (P, 4) float32, best first.
        objectness: per image (P,) float32 foreground probability.
        background: (B, D) background vector v_b of each image; None for a plain RPN.
        losses: `loss_rpn_cls` and `loss_rpn_bbox` in training, else empty.
    """

    proposals: list[Tensor]
    objectness: list[Tensor]
    background: Tensor | None
    losses: dict[str, LossSum]


class PlainHead(nn.Module):
    """Head of the ordinary RPN, for the ablations without BA-RPN."""

    def __init__(self, channels: int, anchors: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.objectness = nn.Conv2d(channels, anchors, 1)
        self.deltas = nn.Conv2d(channels, 4 * anchors, 1)
        for layer in (self.conv, self.objectness, self.deltas):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, pyramid: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Per level: hidden features (B, C, Hl, Wl), objectness (B, A, Hl, Wl), deltas (B, 4A, Hl, Wl)."""
        hidden = [F.relu(self.conv(level)) for level in pyramid]
        return hidden, [self.objectness(h) for h in hidden], [self.deltas(h) for h in hidden]

    def background_vector(
        self, hidden: list[Tensor], objectness: list[Tensor], sizes: list[tuple[int, int]]
    ) -> None:
        """A plain RPN learns no background vector."""
        return


class BackgroundAwareHead(nn.Module):
    """Scores anchors against learned background and foreground word vectors: W_bf T(x).

    The softmax over (background, foreground) equals a sigmoid of the difference of the two scores. T and
    W_bf are linear with nothing in between, so the difference is one C -> A convolution with the folded
    kernel (W_fg - W_bg) T, and the mean of T(x) is T of the mean: s itself, D channels at every location,
    is never computed. Values and gradients are those of the two-step form (tested).

    Parameters: `conv` (C, C, 3, 3), `T` (D, C, 1, 1), `W_bf` (A, 2, D), `deltas` (4 * A, C, 1, 1).
    """

    def __init__(
        self,
        channels: int,
        anchors: int,
        background_word: Tensor,
        adaptive: bool,
        strides: Sequence[int] = ModelConfig().strides,
    ) -> None:
        super().__init__()
        dimension = background_word.numel()
        self.adaptive = adaptive
        self.strides = strides
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.T = nn.Conv2d(channels, dimension, 1)
        # (A, 2, D): row 0 background, row 1 foreground. Background starts as the word "background".
        self.W_bf = nn.Parameter(torch.randn(anchors, 2, dimension) / math.sqrt(dimension))
        self.deltas = nn.Conv2d(channels, 4 * anchors, 1)
        for layer in (self.conv, self.T, self.deltas):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        # T's default scale would leave the folded kernel near zero and the objectness on a plateau.
        nn.init.xavier_uniform_(self.T.weight)
        with torch.no_grad():
            self.W_bf[:, 0] = background_word

    def forward(self, pyramid: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Per level: hidden features (B, C, Hl, Wl), objectness (B, A, Hl, Wl), deltas (B, 4A, Hl, Wl)."""
        difference = self.W_bf[:, 1] - self.W_bf[:, 0]
        kernel = (difference @ self.T.weight.flatten(1))[:, :, None, None]
        bias = difference @ self.T.bias  # type: ignore[operator]
        hidden = [F.relu(self.conv(level)) for level in pyramid]
        return hidden, [F.conv2d(h, kernel, bias) for h in hidden], [self.deltas(h) for h in hidden]

    def background_vector(
        self, hidden: list[Tensor], objectness: list[Tensor], sizes: list[tuple[int, int]]
    ) -> Tensor:
        """The background vector v_b of every image.

        Constant part: mean of the background rows. Adaptive part: mean of T(x) over all anchors inside the
        image, weighted by their background probability; padding has no say in it.

        Args:
            hidden, objectness: as returned by `forward`.
            sizes: (height, width) in pixels of each image within the padded batch.

        Returns:
            (B, D) float32.
        """
        images = hidden[0].shape[0]
        constant = self.W_bf[:, 0].mean(dim=0).float().expand(images, -1)
        if not self.adaptive:
            return constant
        total = hidden[0].new_zeros(images, hidden[0].shape[1], dtype=torch.float32)
        mass = total.new_zeros(images, 1)
        for h, score, stride in zip(hidden, objectness, self.strides, strict=True):
            weight = torch.sigmoid(-score.float()).sum(dim=1, keepdim=True) * _inside(h, sizes, stride)
            total = total + (h.float() * weight).sum(dim=(2, 3))
            mass = mass + weight.sum(dim=(2, 3))
        mean = total / mass.clamp(min=1e-6)
        return constant + F.linear(mean, self.T.weight.flatten(1), self.T.bias)


def _inside(level: Tensor, sizes: list[tuple[int, int]], stride: int) -> Tensor:
    """(B, 1, Hl, Wl), one where the location lies in the image and zero where it lies in the padding."""
    rows = torch.arange(level.shape[2], device=level.device) * stride
    columns = torch.arange(level.shape[3], device=level.device) * stride
    size = torch.tensor(sizes, device=level.device)
    inside = (rows[None, :, None] < size[:, 0, None, None]) & (columns[None, None] < size[:, 1, None, None])
    return inside[:, None].float()


class RPN(RegionProposalNetwork):
    """torchvision's region proposal network with either head, and with regions of unknown content."""

    def __init__(self, config: ModelConfig, background_word: Tensor) -> None:
        strides = config.strides
        anchors: nn.Module
        if config.conventions == "mmdetection":
            anchors = mmdetection.Anchors(strides, config.anchor_scales, config.anchor_ratios)
        else:
            anchors = AnchorGenerator(
                sizes=tuple(tuple(scale * stride for scale in config.anchor_scales) for stride in strides),
                aspect_ratios=(config.anchor_ratios,) * len(strides),
            )
        count = len(config.anchor_scales) * len(config.anchor_ratios)
        head: nn.Module
        if config.rpn == "background_aware":
            head = BackgroundAwareHead(
                config.pyramid_channels, count, background_word, config.background == "adaptive", strides
            )
        else:
            head = PlainHead(config.pyramid_channels, count)
        super().__init__(
            anchors,
            head,
            fg_iou_thresh=0.7,
            bg_iou_thresh=0.3,
            batch_size_per_image=ANCHORS_TRAINED,
            positive_fraction=POSITIVE_FRACTION,
            pre_nms_top_n={"training": config.candidates_train, "testing": config.candidates_test},
            post_nms_top_n={"training": config.proposals_train, "testing": config.proposals_test},
            nms_thresh=config.proposals_nms,
        )
        self.fg_bg_sampler = ImageSampler(ANCHORS_TRAINED, POSITIVE_FRACTION)
        self.background_gradient = config.background_gradient
        self.strides = strides
        self.mmdetection = config.conventions == "mmdetection"
        self.proposals_per_level = config.proposals_per_level
        if self.mmdetection:
            self.box_coder = mmdetection.ClampedBoxCoder(weights=(1.0, 1.0, 1.0, 1.0))

    def propose(
        self, pyramid: Sequence[Tensor], sizes: list[tuple[int, int]], targets: Sequence[Target] | None = None
    ) -> RPNOutput:
        """Proposals, background vectors and, with targets, the losses of the RPN.

        Args:
            pyramid: levels (B, C, Hl, Wl), finest first.
            sizes: (height, width) in pixels of each image within the padded batch.
            targets: one per image in training.
        """
        hidden, objectness, deltas = self.head(pyramid)
        background = self.head.background_vector(hidden, objectness, sizes)
        if background is not None and not self.background_gradient:
            background = background.detach()

        padded = (pyramid[0].shape[2] * self.strides[0], pyramid[0].shape[3] * self.strides[0])
        batch = ImageList(pyramid[0].new_zeros(pyramid[0].shape[0], 3, *padded), sizes)
        anchors = self.anchor_generator(batch, list(pyramid))
        per_level = [level[0].numel() for level in objectness]
        scores, flat_deltas = concat_box_prediction_layers(
            [o.float() for o in objectness], [d.float() for d in deltas]
        )
        boxes = self.box_coder.decode(flat_deltas.detach(), anchors).view(len(anchors), -1, 4)
        proposals, probabilities = self.filter_proposals(boxes, scores, sizes, per_level)
        losses = {} if targets is None else self._losses(anchors, scores, flat_deltas, targets, sizes)
        return RPNOutput(proposals, probabilities, background, losses)

    def filter_proposals(
        self,
        proposals: Tensor,
        objectness: Tensor,
        image_shapes: list[tuple[int, int]],
        num_anchors_per_level: list[int],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Best boxes of each image, and their foreground probabilities."""
        if not self.mmdetection:
            return super().filter_proposals(proposals, objectness, image_shapes, num_anchors_per_level)
        total = self.post_nms_top_n()
        kept = [
            mmdetection.keep_proposals(
                list(
                    zip(
                        mmdetection.clip(boxes, size).split(num_anchors_per_level),
                        probability.split(num_anchors_per_level),
                        strict=True,
                    )
                ),
                candidates=self.pre_nms_top_n(),
                per_level=self.proposals_per_level or total,
                total=total,
                overlap=self.nms_thresh,
            )
            for boxes, probability, size in zip(
                proposals.detach(),
                objectness.detach().sigmoid().view(len(proposals), -1),
                image_shapes,
                strict=True,
            )
        ]
        return [boxes for boxes, _ in kept], [probability for _, probability in kept]

    def _assigned(
        self, anchors: list[Tensor], targets: Sequence[Target], sizes: list[tuple[int, int]]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Per image: labels (L,) 1 object, 0 background, -1 neither; and boxes (L, 4) of their objects."""
        if not self.mmdetection:
            return self.assign_targets_to_anchors(anchors, [{"boxes": t.boxes} for t in targets])
        labels, boxes = [], []
        for own, target, size in zip(anchors, targets, sizes, strict=True):
            inside = mmdetection.inside(own, size)
            matched = torch.full((len(own),), mmdetection.NEITHER, device=own.device)
            matched[inside] = mmdetection.match(
                own[inside], target.boxes, foreground=0.7, background=0.3, least=0.3
            )
            labels.append((matched >= 0).float() - (matched == mmdetection.NEITHER).float())
            # Anchors without an object get any box: its offsets are not used.
            boxes.append(target.boxes[matched.clamp(min=0)] if len(target.boxes) else own)
        return labels, boxes

    def _losses(
        self,
        anchors: list[Tensor],
        scores: Tensor,
        deltas: Tensor,
        targets: Sequence[Target],
        sizes: list[tuple[int, int]],
    ) -> dict[str, LossSum]:
        labels, matched = self._assigned(anchors, targets, sizes)
        for label, anchor, target in zip(labels, anchors, targets, strict=True):
            label[(label == 0) & unknown(anchor, target)] = -1
        positive_masks, negative_masks = self.fg_bg_sampler.sample(labels, targets)
        positive = torch.cat(positive_masks).nonzero()[:, 0]
        sampled = torch.cat([positive, torch.cat(negative_masks).nonzero()[:, 0]])
        offsets = torch.cat(self.box_coder.encode(matched, anchors))
        classification = F.binary_cross_entropy_with_logits(
            scores.flatten()[sampled], torch.cat(labels)[sampled], reduction="sum"
        )
        box = F.smooth_l1_loss(deltas[positive], offsets[positive], beta=1 / 9, reduction="sum")
        count = len(sampled)
        if self.mmdetection:
            count = sum(max(int(mask.sum()), 1) for mask in (*positive_masks, *negative_masks))
        return {"loss_rpn_cls": LossSum(classification, count), "loss_rpn_bbox": LossSum(box, count)}


def unknown(boxes: Tensor, target: Target) -> Tensor:
    """Which boxes may hold an unlabelled object, and so must not count as background.

    All of them where an image is not labelled completely; else those lying mostly in an ignored region.

    Args:
        boxes: (R, 4).

    Returns:
        (R,) bool.
    """
    if not target.complete:
        return torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    if len(target.ignore) == 0:
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    iou = box_iou(boxes, target.ignore)
    area, other = box_area(boxes)[:, None], box_area(target.ignore)[None]
    intersection = iou * (area + other) / (1 + iou)
    return (intersection / area.clamp(min=1e-6) > 0.5).any(dim=1)
