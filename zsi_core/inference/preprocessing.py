"""From a photograph to the network's input.

Shapes
    H, W  size of the photograph    h, w  size of a canvas
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from zsi_core.model import mmdetection

CANVASES = ((480, 640), (640, 480), (544, 544))
"""(height, width) of the inputs a network sees: of equal area, so that every image costs about the same, and
few, because every new shape costs oneDNN a compilation."""

PREPROCESSING = {"canvases": [list(canvas) for canvas in CANVASES], "mean": 0.5, "std": 0.5}
"""What a checkpoint says of its input; mean and standard deviation are of values from 0 to 1."""


LARGEST_SIDES = (1333, 800)
"""Longer and shorter side that the published models' inputs fit within."""

REFERENCE_PREPROCESSING = {"largest_sides": list(LARGEST_SIDES)}
"""The same for models with mmdetection's conventions, whose inputs have no common size."""


@dataclass(frozen=True)
class Fitted:
    """A photograph scaled into a canvas, at its top left.

    Attributes:
        pixels: (1, 3, h, w) uint8 RGB, grey outside the photograph.
        size: (height, width) of the photograph within the canvas.
        image_size: (H, W) of the photograph.
        scale: factor of both sides with mmdetection's conventions, of inclusive boxes; else None.
    """

    pixels: Tensor
    size: tuple[int, int]
    image_size: tuple[int, int]
    scale: float | None = None

    def to_image(self, boxes: Tensor) -> Tensor:
        """Boxes (..., 4) from canvas pixels to pixels of the photograph."""
        if self.scale is not None:
            return mmdetection.to_photograph(boxes, self.scale)
        return boxes * self._factors().to(boxes)

    def to_canvas(self, boxes: Tensor) -> Tensor:
        """Boxes (..., 4) from pixels of the photograph to canvas pixels."""
        if self.scale is not None:
            return mmdetection.to_input(boxes, self.scale)
        return boxes / self._factors().to(boxes)

    def _factors(self) -> Tensor:
        y, x = self.image_size[0] / self.size[0], self.image_size[1] / self.size[1]
        return torch.tensor([x, y, x, y])


def fit(image: np.ndarray, canvases: Sequence[tuple[int, int]] = CANVASES) -> Fitted:
    """Scale a photograph, up or down, into the canvas on which it comes out largest.

    Args:
        image: (H, W, 3) uint8 RGB.
        canvases: (height, width) of each.

    Raises:
        ValueError: another shape or type.
    """
    height, width = _size(image)
    scale, canvas = max((min(h / height, w / width), (h, w)) for h, w in canvases)
    size = (max(1, min(canvas[0], round(height * scale))), max(1, min(canvas[1], round(width * scale))))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = np.full((*canvas, 3), 127, dtype=np.uint8)
    pixels[: size[0], : size[1]] = cv2.resize(image, (size[1], size[0]), interpolation=interpolation)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    return Fitted(tensor.contiguous(memory_format=torch.channels_last), size, (height, width))


def fit_within(image: np.ndarray, longest: int, shortest: int) -> Fitted:
    """Scale a photograph to fit within two sides, on a canvas that is just large enough (mmdetection).

    Args:
        image: (H, W, 3) uint8 RGB.
        longest, shortest: pixels of the longer and of the shorter side at most.

    Raises:
        ValueError: another shape or type.
    """
    image_size = _size(image)
    scale = mmdetection.scale_of_input(image_size, longest, shortest)
    size = mmdetection.input_size(image_size, scale)
    padded = [-(-side // mmdetection.DIVISOR) * mmdetection.DIVISOR for side in size]
    pixels = np.zeros((*padded, 3), dtype=np.uint8)
    pixels[: size[0], : size[1]] = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    return Fitted(tensor.contiguous(memory_format=torch.channels_last), size, image_size, scale)


def _size(image: np.ndarray) -> tuple[int, int]:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(
            f"image must be a uint8 array with shape (H, W, 3), but got {image.dtype} with {image.shape}"
        )
    return image.shape[0], image.shape[1]
