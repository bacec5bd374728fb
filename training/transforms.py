"""Random scale, crop, flip and colour of a training image, with its boxes and masks.

Shapes
    H, W  size of the photograph    h, w  size of the canvas    N  objects
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from zsi_core.instances.rle import Rle, to_counts

SMALLEST_SIDE = 3.0
"""Objects with a shorter side, in pixels of the canvas, are ignored rather than taught."""

LEAST_VISIBLE = 0.3
"""Objects of which a smaller share of the box is left by the crop are ignored rather than taught."""

GREY = 127
"""What the canvas is where no photograph is, as in `zsi_core.inference.preprocessing`."""


@dataclass(frozen=True)
class View:
    """One random look at a photograph: where it lies on the canvas.

    Attributes:
        matrix: (2, 3) float64, affine map from pixels of the photograph to those of the canvas.
        size: (height, width) of the part of the canvas that is covered, from its top left corner.
        canvas: (h, w).
        photograph: (H, W), what boxes and masks are made for.
    """

    matrix: np.ndarray
    size: tuple[int, int]
    canvas: tuple[int, int]
    photograph: tuple[int, int]

    def image(self, pixels: np.ndarray) -> np.ndarray:
        """The photograph (H, W, 3) uint8, or a smaller copy of it, on the canvas (h, w, 3) uint8.

        Grey where the photograph does not lie.
        """
        matrix = self.matrix.copy()
        height, width = pixels.shape[:2]
        matrix[:, :2] *= (self.photograph[1] / width, self.photograph[0] / height)
        scale = abs(matrix[0, 0])
        if scale < 0.5:  # bilinear sampling alone would alias
            small = (max(1, round(2 * scale * height)), max(1, round(2 * scale * width)))
            pixels = cv2.resize(pixels, small[::-1], interpolation=cv2.INTER_AREA)
            matrix[:, :2] *= (width / small[1], height / small[0])
        image = cv2.warpAffine(
            pixels,
            _between_centres(matrix),
            self.canvas[::-1],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        image[self.size[0] :] = GREY
        image[:, self.size[1] :] = GREY
        return image

    def mask(self, mask: Rle) -> np.ndarray:
        """A mask of the photograph (H, W) on the canvas, (h, w) uint8.

        Only its columns are decoded, and not transposed before they are small: of a photograph of twelve
        megapixels a whole mask would take longer than everything else.
        """
        left, columns = _columns(mask)
        matrix = _between_centres(self.matrix)
        matrix[0, 2] += matrix[0, 0] * left
        on_canvas = cv2.warpAffine(columns, matrix[::-1, [1, 0, 2]], self.canvas, flags=cv2.INTER_NEAREST)
        return np.ascontiguousarray(on_canvas.T)

    def boxes(self, boxes: np.ndarray, least_visible: float = LEAST_VISIBLE) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (N, 4) on the canvas, clipped, and which of them (N,) are still worth teaching."""
        x = boxes[:, [0, 2]] * self.matrix[0, 0] + self.matrix[0, 2]
        y = boxes[:, [1, 3]] * self.matrix[1, 1] + self.matrix[1, 2]
        moved = np.stack([x.min(1), y.min(1), x.max(1), y.max(1)], axis=1)
        clipped = moved.copy()
        clipped[:, [0, 2]] = clipped[:, [0, 2]].clip(0, self.size[1])
        clipped[:, [1, 3]] = clipped[:, [1, 3]].clip(0, self.size[0])
        sides = clipped[:, 2:] - clipped[:, :2]
        before = np.prod(moved[:, 2:] - moved[:, :2], axis=1)
        visible = np.prod(sides, axis=1) / np.maximum(before, 1e-6)
        return clipped.astype(np.float32), (sides.min(axis=1) >= SMALLEST_SIDE) & (visible >= least_visible)


def _columns(mask: Rle) -> tuple[int, np.ndarray]:
    """The columns that a mask (H, W) reaches: number of the first, and their pixels (columns, H) uint8."""
    height = mask["size"][0]
    runs = to_counts(mask)
    runs = runs[: len(runs) // 2 * 2]  # up to the last pixel inside
    if len(runs) == 0:
        return 0, np.zeros((1, height), dtype=np.uint8)
    left, right = int(runs[0]) // height, -(-int(runs.sum()) // height)
    runs[0] -= left * height
    pixels = np.zeros((right - left, height), dtype=np.uint8)
    inside = np.tile(np.array([0, 1], dtype=np.uint8), len(runs) // 2)
    pixels.reshape(-1)[: runs.sum()] = np.repeat(inside, runs)
    return left, pixels


def _between_centres(matrix: np.ndarray) -> np.ndarray:
    """The map (2, 3) for pixel indices: the centre of pixel 0, where OpenCV has 0, lies at 0.5."""
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2].sum(axis=1) * 0.5 - 0.5
    return shifted


def random_view(
    photograph: tuple[int, int],
    canvas: tuple[int, int],
    scale_range: tuple[float, float],
    rng: np.random.Generator,
) -> View:
    """A random scale (log-uniform), crop and horizontal flip of a photograph onto a canvas.

    Args:
        photograph: (H, W).
        canvas: (h, w).
        scale_range: smallest and largest factor on the scale at which the photograph just fits.
        rng: decides.
    """
    scale = fitting_scale(photograph, canvas) * np.exp(rng.uniform(*np.log(scale_range)))
    height, width = (max(1, round(side * scale)) for side in photograph)
    top = rng.integers(0, max(height - canvas[0], 0) + 1)
    left = rng.integers(0, max(width - canvas[1], 0) + 1)
    size = (min(height, canvas[0]), min(width, canvas[1]))
    matrix = np.array([[scale, 0.0, -left], [0.0, scale, -top]])
    if rng.random() < 0.5:
        matrix = np.array([[-1.0, 0.0, size[1]], [0.0, 1.0, 0.0]]) @ np.vstack([matrix, [0.0, 0.0, 1.0]])
    return View(matrix, size, canvas, photograph)


def fitted_view(photograph: tuple[int, int], canvas: tuple[int, int], rng: np.random.Generator) -> View:
    """The whole photograph as large as the canvas (h, w) allows, flipped or not, without a margin."""
    view = random_view(photograph, canvas, (1.0, 1.0), rng)
    return replace(view, canvas=view.size)


def fitting_scale(photograph: tuple[int, int], canvas: tuple[int, int]) -> float:
    """The scale at which a photograph (H, W) just fits a canvas (h, w)."""
    return min(canvas[0] / photograph[0], canvas[1] / photograph[1])


def best_canvas(photograph: tuple[int, int], canvases: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The canvas on which a photograph (H, W) comes out largest."""
    return max(canvases, key=lambda canvas: fitting_scale(photograph, canvas))


def useful_size(
    photograph: tuple[int, int], canvas: tuple[int, int], largest_scale: float
) -> tuple[int, int]:
    """(height, width) above which more pixels of a photograph (H, W) are lost in every view of it.

    Args:
        photograph: (H, W).
        canvas: (h, w).
        largest_scale: upper end of the range of `random_view`.
    """
    scale = min(1.0, fitting_scale(photograph, canvas) * largest_scale)
    return max(1, round(photograph[0] * scale)), max(1, round(photograph[1] * scale))


def random_colour(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Random brightness, contrast and saturation of an image (h, w, 3) uint8, each within 1 ± strength."""
    brightness, contrast, saturation = rng.uniform(1 - strength, 1 + strength, 3)
    # One linear map: brightness, then contrast about the mean, then saturation about the grey of each pixel.
    mix = saturation * np.eye(3) + (1 - saturation) * np.array([0.299, 0.587, 0.114])
    offset = (1 - contrast) * brightness * np.mean(cv2.mean(image)[:3])
    return cv2.transform(image, np.column_stack([contrast * brightness * mix, np.full(3, offset)]))
