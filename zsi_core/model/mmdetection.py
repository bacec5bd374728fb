"""Conventions of mmdetection 1.0, with which the published weights were trained, where torchvision differs.

mmdetection counts pixels inclusively: a box x1, y1, x2, y2 covers x2 - x1 + 1 columns. Everywhere in this
project boxes are continuous, so its x2 and y2 stand one further here; overlaps, areas, offsets and
suppression then are the plain formulas. What remains is in this module.

Shapes
    B  images    R  boxes    N  labelled objects of one image    A  anchors per location
    C  channels  L  anchors of all levels    M  side of a predicted mask    P  proposals kept of an image
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import box_area, box_iou, nms, roi_align

LARGEST_CHANGE = math.log(1000 / 16)
"""Of the logarithm of a side by a box regression, in both directions."""

CANONICAL_SIDE = 56
"""Boxes of this side and twice as much are pooled from P2."""

DIVISOR = 32
"""Sides of the network's input are multiples of this."""

BACKGROUND, NEITHER = -1, -2


def continuous(boxes: Tensor) -> Tensor:
    """Inclusive boxes (..., 4) as continuous ones."""
    return boxes + boxes.new_tensor([0.0, 0.0, 1.0, 1.0])


def inclusive(boxes: Tensor) -> Tensor:
    """Continuous boxes (..., 4) as inclusive ones."""
    return boxes - boxes.new_tensor([0.0, 0.0, 1.0, 1.0])


class Anchors(nn.Module):
    """Anchors around the middle of the cell (0, 0), (stride - 1) / 2, rounded as inclusive boxes."""

    def __init__(self, strides: Sequence[int], scales: Sequence[float], ratios: Sequence[float]) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.cells = [_cell_anchors(stride, scales, ratios) for stride in strides]

    def forward(self, images: ImageList, pyramid: Sequence[Tensor]) -> list[Tensor]:
        """As torchvision's generator: per image the anchors (L, 4), ordered by level, y, x, shape."""
        levels = zip(pyramid, self.cells, self.strides, strict=True)
        anchors = [_shifted(cell.to(level.device), level.shape[2:], stride) for level, cell, stride in levels]
        return [torch.cat(anchors)] * len(images.image_sizes)

    def num_anchors_per_location(self) -> list[int]:
        """Anchors per location of each level."""
        return [len(cell) for cell in self.cells]


def _cell_anchors(stride: int, scales: Sequence[float], ratios: Sequence[float]) -> Tensor:
    tall = torch.tensor(ratios).sqrt()[:, None]
    sides = torch.tensor(scales)[None] * stride
    w, h = (sides / tall).flatten(), (sides * tall).flatten()
    centre = (stride - 1) / 2
    corners = torch.stack([-w, -h, w, h], dim=1) + torch.tensor([1.0, 1.0, -1.0, -1.0])
    return continuous((centre + corners / 2).round())


def _shifted(cell: Tensor, size: Sequence[int], stride: int) -> Tensor:
    y, x = torch.meshgrid(*(torch.arange(n, device=cell.device) * stride for n in size), indexing="ij")
    shifts = torch.stack([x, y, x, y], dim=-1).flatten(0, 1)
    return (shifts[:, None] + cell).flatten(0, 1)


class ClampedBoxCoder(BoxCoder):
    """torchvision's box coder, with the change of a side bounded from below too."""

    def decode_single(self, rel_codes: Tensor, boxes: Tensor) -> Tensor:
        """Boxes (R, 4 * S) of regressions (R, 4 * S) from boxes (R, 4)."""
        factors = rel_codes.new_tensor(self.weights[2:])
        sides = rel_codes.view(len(rel_codes), -1, 2, 2)
        least = torch.stack([torch.full_like(factors, -math.inf), -LARGEST_CHANGE * factors])
        return super().decode_single(torch.maximum(sides, least).view_as(rel_codes), boxes)


def clip(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes (..., 4) with their first and last pixel within an image of (height, width)."""
    height, width = size
    low = boxes.new_tensor([0.0, 0.0, 1.0, 1.0])
    high = boxes.new_tensor([width - 1.0, height - 1.0, width, height])
    return boxes.clamp(low, high)


def inside(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Which boxes (R, 4) do not cross the border of an image of (height, width); (R,) bool."""
    height, width = size
    return (boxes[:, :2] >= 0).all(dim=1) & (boxes[:, 2] <= width) & (boxes[:, 3] <= height)


def match(boxes: Tensor, objects: Tensor, *, foreground: float, background: float, least: float) -> Tensor:
    """Which object each box is matched with.

    Every object also takes all boxes tied at its largest overlap, if that is at least `least`; of two
    objects the later one.

    Args:
        boxes: (R, 4).
        objects: (N, 4).
        foreground, background: overlaps from which a box belongs to its best object, and below which to none.

    Returns:
        (R,) int64: row of the object, `BACKGROUND` or `NEITHER`.
    """
    if len(objects) == 0 or len(boxes) == 0:
        return torch.full((len(boxes),), BACKGROUND, dtype=torch.int64, device=boxes.device)
    overlaps = box_iou(objects, boxes)
    best, matched = overlaps.max(dim=0)
    matched = torch.where(best >= foreground, matched, torch.where(best < background, BACKGROUND, NEITHER))
    for row, (of_object, largest) in enumerate(zip(overlaps, overlaps.max(dim=1).values, strict=True)):
        if largest >= least:
            matched[of_object == largest] = row
    return matched


def keep_proposals(
    levels: Sequence[tuple[Tensor, Tensor]],
    *,
    candidates: int,
    per_level: int,
    total: int,
    overlap: float,
) -> tuple[Tensor, Tensor]:
    """Best boxes of an image: suppression within each level, then the best of all levels.

    Args:
        levels: boxes (R, 4) and scores (R,) of each level.
        candidates: best boxes of a level that enter suppression.
        per_level, total: how many of a level, and of the image, are kept at most.
        overlap: from which the weaker box is dropped.

    Returns:
        Boxes (P, 4) and scores (P,), best first.
    """
    kept_boxes, kept_scores = [], []
    for boxes, scores in levels:
        scores, best = scores.topk(min(candidates, len(scores)))
        boxes = boxes[best]
        keep = nms(boxes, scores, overlap)[:per_level]
        kept_boxes.append(boxes[keep])
        kept_scores.append(scores[keep])
    scores, best = torch.cat(kept_scores).topk(min(total, sum(map(len, kept_scores))))
    return torch.cat(kept_boxes)[best], scores


class RoIPool(nn.Module):
    """RoIAlign without half-pixel shift, on a level chosen by the area of the box."""

    def __init__(self, strides: Sequence[int], side: int) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.side = side

    def forward(self, pyramid: OrderedDict[str, Tensor], boxes: Sequence[Tensor]) -> Tensor:
        """Pooled regions (R, C, side, side) of a batch, image by image; boxes (R, 4) of each image."""
        together = torch.cat(list(boxes))
        image = torch.cat([torch.full_like(b[:, :1], i) for i, b in enumerate(boxes)])
        scale = (box_area(together).sqrt() / CANONICAL_SIDE + 1e-6).log2().floor()
        chosen = scale.clamp(0, len(self.strides) - 1)
        maps = list(pyramid.values())[: len(self.strides)]
        pooled = maps[0].new_zeros(len(together), maps[0].shape[1], self.side, self.side)
        for index, (level, stride) in enumerate(zip(maps, self.strides, strict=True)):
            of_level = chosen == index
            rois = torch.cat([image, together + stride / 2], dim=1)[of_level].to(level.dtype)
            # roi_align subtracts half a cell with aligned=True; without, it would enlarge small boxes.
            found = roi_align(level, rois, self.side, 1 / stride, sampling_ratio=2, aligned=True)
            pooled = pooled.masked_scatter(of_level[:, None, None, None], found)
        return pooled


def mask_targets(masks: Tensor, boxes: Tensor, matched: Tensor, side: int) -> Tensor:
    """What the masks of foreground regions should become.

    Args:
        masks: (N, H, W) uint8 0 / 1.
        boxes: (R, 4).
        matched: (R,) int64, the object of each.
        side: M.

    Returns:
        (R, M, M) float32 0 / 1.
    """
    corners = inclusive(boxes).int().cpu().numpy()
    grids = [
        _mask_target(masks[row].cpu().numpy(), corner, side)
        for row, corner in zip(matched.tolist(), corners, strict=True)
    ]
    return torch.from_numpy(np.stack(grids)).to(boxes) if grids else boxes.new_zeros(0, side, side)


def _mask_target(mask: np.ndarray, corner: np.ndarray, side: int) -> np.ndarray:
    x1, y1, x2, y2 = (int(v) for v in corner)
    crop = mask[y1 : max(y2, y1) + 1, x1 : max(x2, x1) + 1]
    return cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def pasted(probabilities: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Mask of a region at the size of the photograph, where its box lies.

    Args:
        probabilities: (M, M) float32 over the box.
        box: (4,) x1, y1, x2, y2 in pixels of the photograph, continuous.

    Returns:
        The mask (h, w) bool, and its first column and row. It may reach beyond the photograph.
    """
    x1, y1, x2, y2 = (int(v) for v in (*box[:2], *(box[2:] - 1)))
    size = (max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1))
    return cv2.resize(probabilities, size, interpolation=cv2.INTER_LINEAR) > 0.5, x1, y1


def scale_of_input(image_size: tuple[int, int], longest: int, shortest: int) -> float:
    """Factor by which a photograph of (height, width) is resized to fit within two sides."""
    return min(longest / max(image_size), shortest / min(image_size))


def input_size(image_size: tuple[int, int], scale: float) -> tuple[int, int]:
    """(height, width) of the resized photograph."""
    height, width = (int(side * scale + 0.5) for side in image_size)
    return height, width


def to_photograph(boxes: Tensor, scale: float) -> Tensor:
    """Boxes (..., 4) from pixels of the network's input to pixels of the photograph."""
    return continuous(inclusive(boxes) / scale)


def to_input(boxes: Tensor, scale: float) -> Tensor:
    """Boxes (..., 4) from pixels of the photograph to pixels of the network's input."""
    return continuous(inclusive(boxes) * scale)
