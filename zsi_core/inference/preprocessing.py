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

CANVASES = ((480, 640), (640, 480), (544, 544))
"""(height, width) of the inputs a network sees: of equal area, so that every image costs about the same, and
few, because every new shape costs oneDNN a compilation."""

PREPROCESSING = {"canvases": [list(canvas) for canvas in CANVASES], "mean": 0.5, "std": 0.5}
"""What a checkpoint says of its input; mean and standard deviation are of values from 0 to 1."""


@dataclass(frozen=True)
class Fitted:
    """A photograph scaled into a canvas, at its top left.

    Attributes:
        pixels: (1, 3, h, w) uint8 RGB, grey outside the photograph.
        size: (height, width) of the photograph within the canvas.
        image_size: (H, W) of the photograph.
    """

    pixels: Tensor
    size: tuple[int, int]
    image_size: tuple[int, int]

    def to_image(self, boxes: Tensor) -> Tensor:
        """Boxes (N, 4) from canvas pixels to pixels of the photograph."""
        return boxes * self._factors().to(boxes)

    def to_canvas(self, boxes: Tensor) -> Tensor:
        """Boxes (N, 4) from pixels of the photograph to canvas pixels."""
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
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(
            f"image must be a uint8 array with shape (H, W, 3), but got {image.dtype} with {image.shape}"
        )
    height, width = image.shape[:2]
    scale, canvas = max((min(h / height, w / width), (h, w)) for h, w in canvases)
    size = (max(1, min(canvas[0], round(height * scale))), max(1, min(canvas[1], round(width * scale))))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = np.full((*canvas, 3), 127, dtype=np.uint8)
    pixels[: size[0], : size[1]] = cv2.resize(image, (size[1], size[0]), interpolation=interpolation)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    return Fitted(tensor.contiguous(memory_format=torch.channels_last), size, (height, width))
