"""An image classifier that answers in word vectors.

A classifier knows a fixed list of names. The mean of their word vectors, weighted by the probabilities that
it gives for a crop, is a point among the words: near "cat" for a cat, whether or not anybody typed "tabby".

Shapes
    N  crops    S  side of a crop in pixels    C  names of the classifier    D  length of a word vector
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from zsi_core.model.backbone import normalise

MARGIN = 0.15
"""Share of a box's sides that a crop shows around it: the surroundings help to name a thing."""

TOP = 10
"""Names that take part in the mean: the long tail is noise."""


def crop(image: np.ndarray, box: Sequence[float], side: int) -> np.ndarray | None:
    """The box with its margin, squeezed into a square.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: x1, y1, x2, y2 in pixels.
        side: S.

    Returns:
        (S, S, 3) uint8, or None where the box lies outside the image.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    across, down = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
    left, right = max(0, int(x1 - across)), min(width, int(x2 + across) + 1)
    top, bottom = max(0, int(y1 - down)), min(height, int(y2 + down) + 1)
    if left >= right or top >= bottom:
        return None
    return cv2.resize(image[top:bottom, left:right], (side, side), interpolation=cv2.INTER_AREA)


class NamedClassifier:
    """A classification network and the word vectors of its names."""

    def __init__(self, network: nn.Module, names: Tensor, *, dtype: torch.dtype = torch.bfloat16) -> None:
        """
        Args:
            network: (N, 3, S, S) normalised images to (N, C) logits.
            names: (C, D) float32 unit word vectors; a zero row for a name that has none.
            dtype: of the network's arithmetic.
        """
        self.network = network.eval().to(memory_format=torch.channels_last)
        self.names = names
        self.dtype = dtype

    @torch.inference_mode()
    def vectors(self, crops: Sequence[np.ndarray]) -> Tensor:
        """Unit word vectors (N, D) of crops (S, S, 3) uint8 RGB, all of one size, at least one."""
        images = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).to(self.names.device)
        pixels = normalise(images).contiguous(memory_format=torch.channels_last)
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            logits = self.network(pixels)
        weight, which = logits.float().softmax(dim=1).topk(TOP)
        return nn.functional.normalize((weight[:, :, None] * self.names[which]).sum(dim=1), dim=1)
