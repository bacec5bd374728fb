"""Draw instances on a photograph: translucent masks with outlines, names and scores.

Shapes
    H, W  photograph    h, w  preview
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zsi_core.instances import Instances
from zsi_core.instances.polygons import trace
from zsi_core.instances.rle import Rle
from zsi_core.semantics.names import class_key

Colour = tuple[int, int, int]

# Okabe and Ito, "Color Universal Design": told apart with every common kind of colour vision.
PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
)

MIN_SIDE, MAX_SIDE = 960, 1600
"""Longer side of a preview in pixels: labels on less are not legible, more is no preview."""

FILL = 0.35
"""Opacity of a mask's inside."""

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
Box = tuple[int, int, int, int]
_SHIFT = 4  # binary digits after the point in OpenCV's coordinates
_SIDES_PER_FONT = 55
_SIDES_PER_LINE = 450


def class_colours(names: Sequence[str]) -> dict[str, Colour]:
    """`class_key` of each name -> its colour; more names than colours share them in turn."""
    keys = dict.fromkeys(class_key(name) for name in names)
    return {key: PALETTE[i % len(PALETTE)] for i, key in enumerate(keys)}


def draw_instances(
    image: np.ndarray, instances: Instances, colours: Mapping[str, Colour] | None = None
) -> np.ndarray:
    """Picture of the photograph with its instances.

    Args:
        image: (H, W, 3) uint8 RGB.
        instances: of this image.
        colours: `class_key` of a name -> colour; by default in the order of the instances.

    Returns:
        (h, w, 3) uint8 RGB, scaled so that the longer side is between `MIN_SIDE` and `MAX_SIDE`.
    """
    if image.shape[:2] != instances.image_size:
        raise ValueError(
            f"image must have the size of its instances {instances.image_size}, but got {image.shape[:2]}"
        )
    palette = class_colours(instances.names) if colours is None else colours
    chosen = [palette[class_key(name)] for name in instances.names]
    picture, scale = _scaled(image)
    outlines = [_rings(mask, scale) for mask in instances.masks]
    line = max(1, round(max(picture.shape) / _SIDES_PER_LINE))
    for i in np.argsort(-instances.mask_areas, kind="stable"):  # small ones on top of large ones
        _draw_mask(picture, outlines[i], chosen[i], line)
    anchors = [
        _anchor(rings, box.reshape(2, 2) * scale)
        for rings, box in zip(outlines, instances.boxes, strict=True)
    ]
    return _with_labels(picture, instances, chosen, anchors)


def _scaled(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture to draw on, and its (x, y) scale."""
    height, width = image.shape[:2]
    side = max(height, width)
    factor = np.clip(side, MIN_SIDE, MAX_SIDE) / side
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    picture = image.copy() if factor == 1 else cv2.resize(image, size, interpolation=interpolation)
    return picture, np.array([size[0] / width, size[1] / height])


def _rings(mask: Rle, scale: np.ndarray) -> list[np.ndarray]:
    """Outlines of a mask, holes among them, each (P, 1, 2) in OpenCV's fixed-point pixels of the preview."""
    rings = [ring for part in trace(mask) for ring in (part.outer, *part.holes)]
    # OpenCV's coordinates are of pixel centres, those of a ring of pixel corners.
    return [np.round((ring * scale - 0.5) * 2**_SHIFT).astype(np.int32)[:, None] for ring in rings]


def _draw_mask(picture: np.ndarray, rings: list[np.ndarray], colour: Colour, line: int) -> None:
    if not rings:
        return
    points = np.concatenate(rings)[:, 0] >> _SHIFT
    left, top = np.maximum(points.min(axis=0) - 1, 0)
    right, bottom = points.max(axis=0) + 3
    crop = picture[top:bottom, left:right]
    inside = np.zeros(crop.shape[:2], dtype=np.uint8)
    offset = -np.array([left, top], dtype=np.int32) * 2**_SHIFT
    cv2.fillPoly(inside, [ring + offset for ring in rings], 255, cv2.LINE_AA, _SHIFT)
    opacity = inside[:, :, None] * (FILL / 255)
    crop[:] = np.round(crop * (1 - opacity) + np.array(colour) * opacity)
    # The casing keeps the outline visible on a background of its own colour.
    cv2.polylines(picture, rings, True, _text_colour(colour), line + 2, cv2.LINE_AA, _SHIFT)
    cv2.polylines(picture, rings, True, colour, line, cv2.LINE_AA, _SHIFT)


def _anchor(rings: list[np.ndarray], box: np.ndarray) -> tuple[float, float, float]:
    """Middle x of the topmost edge of a mask, its top y and its bottom y, in pixels of the preview."""
    if not rings:
        return float(box[:, 0].mean()), float(box[0, 1]), float(box[1, 1])
    points = np.concatenate(rings)[:, 0] / 2**_SHIFT
    top = points[:, 1].min()
    return float(points[points[:, 1] == top, 0].mean()), float(top), float(points[:, 1].max())


def _with_labels(
    picture: np.ndarray,
    instances: Instances,
    colours: Sequence[Colour],
    anchors: Sequence[tuple[float, float, float]],
) -> np.ndarray:
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(image.size) / _SIDES_PER_FONT)
    taken: list[Box] = []
    for i in np.argsort(-instances.scores, kind="stable"):
        text = f"{instances.names[i]} {instances.scores[i]:.2f}"
        left, top, right, bottom = draw.textbbox((0, 0), text, font, anchor="lt")
        margin = round((bottom - top) * 0.35)
        size = (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin)
        place = _free_place(size, anchors[i], image.size, taken)
        taken.append(place)
        draw.rectangle((place[0], place[1], place[2] - 1, place[3] - 1), colours[i], _text_colour(colours[i]))
        draw.text((place[0] + margin, place[1] + margin), text, _text_colour(colours[i]), font, anchor="lt")
    return np.array(image)


def _free_place(
    size: tuple[int, int],
    anchor: tuple[float, float, float],
    picture: tuple[int, int],
    taken: Sequence[Box],
) -> Box:
    """Where a label goes: on top of its mask if it can, never outside of the picture, and where that covers
    other labels, at the nearest place that covers least of them.

    Args:
        size: (width, height) of the label.
        anchor: x, top and bottom y of the mask.
        picture: (width, height).
        taken: the labels that are there.
    """
    width, height = size
    x, top, bottom = anchor
    places = []
    for y in (
        top - height,
        top,
        bottom - height,
        bottom,
        top - 2 * height,
        bottom + height,
        top - 3 * height,
    ):
        for shift in (0.5, 0.0, 1.0, -0.3, 1.3):
            left = int(np.clip(x - shift * width, 0, max(0, picture[0] - width)))
            upper = int(np.clip(y, 0, max(0, picture[1] - height)))
            places.append((left, upper, left + width, upper + height))
    return min(places, key=lambda place: sum(_overlap(place, other) for other in taken))


def _overlap(a: Box, b: Box) -> int:
    """Pixels that two boxes share."""
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


def _text_colour(colour: Colour) -> Colour:
    """Black or white, whichever is easier to read on a colour."""
    red, green, blue = colour
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 100 else WHITE
