"""The network of "Zero-Shot Instance Segmentation" (CVPR 2021, section 3.2, Fig. 2).

    backbone -> BA-RPN -> zero-shot detector -> Semantic Mask Head

Symbols
    W    word vectors of a vocabulary: W_s of the seen classes in training, any names afterwards
    v_b  background vector of an image, handed from BA-RPN to both heads (Sync-bg, Algorithm 1)
    e    semantic feature of a region
    y    visual feature of a region's pixels

Shapes
    B  images    R  regions    C  channels    D  length of a word vector    K  names of the vocabulary
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.roi_heads import project_masks_on_boxes
from torchvision.ops import MultiScaleRoIAlign, clip_boxes_to_image

from zsi_core.model import detector, mask_head, mmdetection
from zsi_core.model.backbone import Backbone, normalise, normalise_imagenet
from zsi_core.model.config import ModelConfig
from zsi_core.model.detector import ZeroShotDetector
from zsi_core.model.distillation import distillation_loss, has_teacher, taught_boxes
from zsi_core.model.former import Former, former_losses
from zsi_core.model.loss_sums import LossSum, ShareCounts, normalised
from zsi_core.model.mask_head import MASK_SIZE, SemanticMaskHead, dice_loss
from zsi_core.model.rpn import RPN
from zsi_core.model.sampling import SampledRegions, sample_regions
from zsi_core.model.targets import Target


@dataclass(frozen=True)
class Regions:
    """Everything of one image that no name has a say in.

    Attributes:
        boxes: (R, 4) float32, refined, in pixels of the network's input; with a regression for each seen
            class, as the RPN proposed them.
        objectness: (R,) float32 in [0, 1], see `ZeroShotDetector.objectness`.
        features: e, (R, D) float32.
        background: v_b for the detector and for the mask head, each (D,) float32.
        pyramid: levels P3-P6, each (1, C, Hl, Wl).
        size: (height, width) of the image within the network's input.
        slots: (R, 1 + n, 4) float32, boxes refined for each seen class, slot 0 unused; None with one
            regression for all names.
    """

    boxes: Tensor
    objectness: Tensor
    features: Tensor
    background: tuple[Tensor, Tensor]
    pyramid: OrderedDict[str, Tensor]
    size: tuple[int, int]
    slots: Tensor | None = None


@dataclass(frozen=True)
class RegionFeatures:
    """Regions of one image that would train the detector, as the frozen network sees them.

    Attributes:
        sampled: R regions with their labels.
        f: (R + M, F), those of the sampled regions, then of the M taught ones without a label.
        background: (D,) v_b for the detector.
    """

    sampled: SampledRegions
    f: Tensor
    background: Tensor


class ZSI(nn.Module):
    """The whole network. Class names enter as word vectors, at the very end.

    Parameters: `background_word` (D,), `backbone` (`Backbone`), `rpn.head` (`BackgroundAwareHead`),
    `detector` (`ZeroShotDetector`), `mask_head` (`SemanticMaskHead`); each class lists its own.
    """

    def __init__(self, config: ModelConfig, background_word: Tensor) -> None:
        """Build with random weights.

        Args:
            config: every switch.
            background_word: (D,) word vector of "background": first value of the learned background rows,
                and the background vector itself where Sync-bg is off. Only its direction counts.
        """
        super().__init__()
        if background_word.shape != (config.semantic_dimension,):
            raise ValueError(
                f"the background word vector must have shape ({config.semantic_dimension},), "
                f"but got {tuple(background_word.shape)}"
            )
        self.config = config
        self.background_word: Tensor
        unit = F.normalize(background_word.float(), dim=0)
        self.register_buffer("background_word", config.background_norm * unit)
        self.backbone = Backbone(
            config.backbone, config.pyramid_channels, config.freeze_batch_norm, config.finest_level
        )
        self.rpn = RPN(config, self.background_word)
        self.mmdetection = config.conventions == "mmdetection"
        coder = mmdetection.ClampedBoxCoder if self.mmdetection else BoxCoder
        self.box_coder = coder(weights=(10.0, 10.0, 5.0, 5.0))
        self.box_pool = self._pool(detector.POOLED)
        self.mask_pool = self._pool(mask_head.POOLED)
        self.detector = ZeroShotDetector(config)
        self.mask_head = SemanticMaskHead(config) if config.mask_head else None

    def _pool(self, side: int) -> nn.Module:
        """Pooling of regions to side x side cells, from every level of the pyramid but the coarsest."""
        levels, strides = self.config.levels[:-1], self.config.strides[:-1]
        if self.mmdetection:
            return mmdetection.RoIPool(strides, side)
        return MultiScaleRoIAlign([f"P{level}" for level in levels], side, sampling_ratio=2)

    def _pooled(self, pool: nn.Module, pyramid: OrderedDict[str, Tensor], boxes: list[Tensor]) -> Tensor:
        """Pooled regions (R, C, side, side) of a batch.

        torchvision infers the stride of each level from the size of the images, and keeps what the first call
        gave: it must be told the padded size, of which an image may fill only a part.
        """
        if self.mmdetection:
            return pool(pyramid, boxes)
        finest = next(iter(pyramid.values()))
        padded = tuple(side * self.config.strides[0] for side in finest.shape[2:])
        return pool(pyramid, boxes, [padded] * len(boxes))

    def pooled_boxes(self, pyramid: OrderedDict[str, Tensor], boxes: list[Tensor]) -> Tensor:
        """Regions of all images as the detector takes them, (R, C, 7, 7)."""
        return self._pooled(self.box_pool, pyramid, boxes)

    def pooled_masks(self, pyramid: OrderedDict[str, Tensor], boxes: list[Tensor]) -> Tensor:
        """Regions of all images as the mask head takes them, (R, C, 14, 14)."""
        return self._pooled(self.mask_pool, pyramid, boxes)

    def pyramid(self, images: Tensor, sizes: list[tuple[int, int]]) -> OrderedDict[str, Tensor]:
        """Levels of the pyramid (B, C, Hl, Wl), finest first, of images (B, 3, H, W) uint8."""
        if self.config.normalisation == "imagenet":
            return self.backbone(normalise_imagenet(images, sizes))
        return self.backbone(normalise(images))

    # ------------------------------------------------------------------ training

    def forward(
        self,
        images: Tensor,
        sizes: list[tuple[int, int]],
        word_vectors: Tensor,
        targets: Sequence[Target],
        negatives: Tensor | None = None,
        share: ShareCounts | None = None,
        former: Former | None = None,
    ) -> dict[str, Tensor]:
        """Losses of a batch (Eq. 2); their sum is what training minimises.

        Args:
            images: (B, 3, H, W) uint8 RGB, padded.
            sizes: (height, width) of each image within the batch.
            word_vectors: W_s, (K, D).
            targets: one per image; labels are rows of `word_vectors`.
            negatives: (N, D) word vectors that no object of the batch is called, for the contrastive loss.
            share: the mean of counts over all processes of a training; by default there is only this one.
            former: the network as it was before, to be held to. Labels of rehearsed images then say nothing.

        Returns:
            Scalars `loss_rpn_cls`, `loss_rpn_bbox`, `loss_semantic`, `loss_bbox`,
            `loss_reconstruction_detector`, and with a mask head `loss_mask` and `loss_reconstruction_mask`;
            `loss_distillation` where a target has teacher vectors; `loss_contrastive` and `loss_iou` where
            configured; those of `former_losses` with a former network.
        """
        if self.config.box_slots not in (0, len(word_vectors)):
            raise ValueError(
                f"the network has a box regression for each of {self.config.box_slots} seen classes, but got "
                f"{len(word_vectors)} word vectors: set box_slots to that number, or to 0"
            )
        if self.mmdetection:  # crowds neither match nor keep anything from being background
            targets = [replace(target, ignore=target.ignore[:0]) for target in targets]
        pyramid = self.pyramid(images, sizes)
        if former is None:
            return normalised(self._label_losses(pyramid, sizes, word_vectors, targets, negatives), share)
        sums = former_losses(self, former, images, pyramid, sizes, word_vectors, targets)
        own = [row for row, target in enumerate(targets) if not target.rehearsed]
        if own:
            sums |= self._label_losses(
                OrderedDict((name, level[own]) for name, level in pyramid.items()),
                [sizes[row] for row in own],
                word_vectors,
                [targets[row] for row in own],
                negatives,
            )
        return normalised(sums, share)

    def _label_losses(
        self,
        pyramid: OrderedDict[str, Tensor],
        sizes: list[tuple[int, int]],
        word_vectors: Tensor,
        targets: Sequence[Target],
        negatives: Tensor | None,
    ) -> dict[str, LossSum]:
        """What the labels of some images ask for."""
        rpn = self.rpn.propose(list(pyramid.values()), sizes, targets)
        sampled = sample_regions(
            rpn.proposals,
            targets,
            self.config.regions_train,
            self.config.positive_fraction,
            self.config.conventions,
        )
        for_detector, for_masks = self._backgrounds(rpn.background, len(targets))
        sums = dict(rpn.losses)
        sums |= self._detector_losses(pyramid, word_vectors, targets, sampled, for_detector, negatives)
        if self.mask_head is not None:
            sums |= self._mask_losses(pyramid, word_vectors, targets, sampled, for_masks)
        return sums

    def _backgrounds(self, background: Tensor | None, images: int) -> tuple[Tensor, Tensor]:
        """v_b for the detector and for the mask head, each (B, D): synchronised or the word."""
        word = self.background_word.expand(images, -1)
        if background is None:
            return word, word
        return (
            background if self.config.sync_detector else word,
            background if self.config.sync_mask else word,
        )

    def _detector_losses(
        self,
        pyramid: OrderedDict[str, Tensor],
        word_vectors: Tensor,
        targets: Sequence[Target],
        sampled: list[SampledRegions],
        background: Tensor,
        negatives: Tensor | None,
    ) -> dict[str, LossSum]:
        labels = torch.cat([s.labels for s in sampled])
        f, e, deltas = self.detector(self.pooled_boxes(pyramid, [s.boxes for s in sampled]))
        background = background.repeat_interleave(_counts(sampled, labels.device), dim=0)
        scores = self.detector.scores(e, word_vectors, background)
        count = len(labels)
        positive = labels > 0
        matched = torch.cat([t.boxes[s.matched[s.labels > 0]] for s, t in zip(sampled, targets, strict=True)])
        regions = torch.cat([s.boxes for s in sampled])
        offsets = self.box_coder.encode_single(matched, regions[positive])
        own_deltas = self.detector.own_deltas(deltas.float()[positive], labels[positive])
        box = F.smooth_l1_loss(own_deltas, offsets, reduction="sum")
        reconstruction = self.config.reconstruction_weight * self.detector.reconstruction_loss(f, e)
        losses = {
            "loss_semantic": LossSum(F.cross_entropy(scores, labels, reduction="sum"), count),
            "loss_bbox": LossSum(box, count),
            "loss_reconstruction_detector": LossSum(reconstruction * count, count),
        }
        if self.config.contrastive_weight:
            contrast = self._contrastive_loss(
                e[positive], labels[positive], background[positive], word_vectors, negatives
            )
            losses["loss_contrastive"] = LossSum(self.config.contrastive_weight * contrast, len(matched))
        if self.config.iou_head:
            refined = self.box_coder.decode_single(own_deltas, regions[positive])
            losses["loss_iou"] = LossSum(self.detector.iou_loss(f[positive], refined, matched), len(matched))
        if has_teacher(targets):
            _, e_taught, _ = self.detector(self.pooled_boxes(pyramid, taught_boxes(targets)))
            distance = distillation_loss(e[positive], sampled, e_taught, targets)
            losses["loss_distillation"] = LossSum(
                self.config.distillation_weight * distance.total, distance.count
            )
        return losses

    @torch.no_grad()
    def sampled_features(
        self,
        images: Tensor,
        sizes: list[tuple[int, int]],
        targets: Sequence[Target],
        count: int,
        positive_fraction: float,
    ) -> list[RegionFeatures]:
        """What T_e would be trained on, image by image.

        Args:
            images, sizes, targets: as for `forward`.
            count, positive_fraction: regions per image, and the largest share of foreground ones.
        """
        pyramid = self.pyramid(images, sizes)
        rpn = self.rpn.propose(list(pyramid.values()), sizes)
        sampled = sample_regions(rpn.proposals, targets, count, positive_fraction, self.config.conventions)
        background, _ = self._backgrounds(rpn.background, len(targets))
        boxes = [torch.cat([s.boxes, t]) for s, t in zip(sampled, taught_boxes(targets), strict=True)]
        f, _, _ = self.detector(self.pooled_boxes(pyramid, boxes))
        parts = f.split([len(b) for b in boxes])
        return [RegionFeatures(*of_image) for of_image in zip(sampled, parts, background, strict=True)]

    def _contrastive_loss(
        self, e: Tensor, labels: Tensor, background: Tensor, word_vectors: Tensor, negatives: Tensor | None
    ) -> Tensor:
        """Sum over foreground regions: which of all words they are called; the background has no say."""
        words = word_vectors if negatives is None else torch.cat([word_vectors, negatives])
        scores = self.detector.scores(e, words, background)[:, 1:]
        return F.cross_entropy(scores, labels - 1, reduction="sum")

    def _mask_losses(
        self,
        pyramid: OrderedDict[str, Tensor],
        word_vectors: Tensor,
        targets: Sequence[Target],
        sampled: list[SampledRegions],
        background: Tensor,
    ) -> dict[str, LossSum]:
        assert self.mask_head is not None
        boxes, names, truth, per_image = [], [], [], []
        for region, target in zip(sampled, targets, strict=True):
            usable = (region.labels > 0) & (target.has_mask[region.matched] if len(target.boxes) else False)
            chosen = usable.nonzero()[:, 0][: self.config.masks_train]
            boxes.append(region.boxes[chosen])
            names.append(region.labels[chosen] - 1)
            per_image.append(len(chosen))
            if len(chosen):
                project = mmdetection.mask_targets if self.mmdetection else project_masks_on_boxes
                truth.append(project(target.masks, boxes[-1], region.matched[chosen], MASK_SIZE))
        y = self.mask_head.visual(self.pooled_masks(pyramid, boxes))
        h = self.mask_head.hidden(y)
        repeats = torch.tensor(per_image, device=background.device)
        logits = self.mask_head.logits(
            h, word_vectors[torch.cat(names)], background.repeat_interleave(repeats, dim=0)
        )
        mask = logits.sum() * 0.0
        if truth:
            cells = (torch.cat(truth) >= 0.5).float()
            mask = F.binary_cross_entropy_with_logits(logits, cells)
            if self.config.mask_dice_weight:
                mask = mask + self.config.mask_dice_weight * dice_loss(logits, cells)
        reconstruction = self.config.reconstruction_weight * self.mask_head.reconstruction_loss(y, h)
        return {
            "loss_mask": LossSum(mask * len(y), len(y)),
            "loss_reconstruction_mask": LossSum(reconstruction * len(y), len(y)),
        }

    # ----------------------------------------------------------------- inference

    @torch.no_grad()
    def regions(self, images: Tensor, sizes: list[tuple[int, int]]) -> list[Regions]:
        """Encode images: boxes and semantic features of their regions, whatever is asked afterwards.

        Args:
            images: (B, 3, H, W) uint8 RGB, padded.
            sizes: (height, width) of each image within the batch.
        """
        pyramid = self.pyramid(images, sizes)
        rpn = self.rpn.propose(list(pyramid.values()), sizes)
        for_detector, for_masks = self._backgrounds(rpn.background, len(sizes))
        f, e, deltas = self.detector(self.pooled_boxes(pyramid, rpn.proposals))
        objectnesses = self.detector.objectness(f, torch.cat(rpn.objectness))
        counts = [len(p) for p in rpn.proposals]
        refined = self.box_coder.decode_single(deltas.float(), torch.cat(rpn.proposals))
        refined = refined.view(len(refined), -1, 4)
        clip = mmdetection.clip if self.mmdetection else clip_boxes_to_image
        return [
            Regions(
                clip(boxes[:, 0], size) if self.config.box_slots == 0 else proposals,
                objectness,
                features.float(),
                (for_detector[i], for_masks[i]),
                OrderedDict((name, level[i : i + 1]) for name, level in pyramid.items()),
                size,
                None if self.config.box_slots == 0 else clip(boxes, size),
            )
            for i, (proposals, boxes, objectness, features, size) in enumerate(
                zip(
                    rpn.proposals,
                    refined.split(counts),
                    objectnesses.split(counts),
                    e.split(counts),
                    sizes,
                    strict=True,
                )
            )
        ]

    @torch.no_grad()
    def describe_boxes(self, regions: Regions, boxes: Tensor) -> Tensor:
        """Semantic features of boxes that somebody drew, from the kept pyramid.

        Args:
            boxes: (R, 4) in pixels of the network's input.

        Returns:
            e, (R, D) float32.
        """
        _, e, _ = self.detector(self.pooled_boxes(regions.pyramid, [boxes]))
        return e.float()

    @torch.no_grad()
    def pixel_features(self, regions: Regions, boxes: Tensor) -> Tensor:
        """h (R, Ch, 28, 28) of boxes (R, 4) in pixels of the network's input."""
        if self.mask_head is None:
            raise ValueError("this model was built without a mask head: it predicts boxes only")
        return self.mask_head(self.pooled_masks(regions.pyramid, [boxes]))


def _counts(sampled: list[SampledRegions], device: torch.device) -> Tensor:
    return torch.tensor([len(s.labels) for s in sampled], device=device)
