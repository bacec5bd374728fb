"""`Instances`: the one result type that inference returns and everything else consumes.

Shapes: N instances of one image of H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zsi_core.instances import rle
from zsi_core.instances.rle import Rle


@dataclass(frozen=True, eq=False)
class Instances:
    """Named instance masks of one image. Zero instances is an ordinary value: `Instances.empty(image_size)`.

    Attributes:
        boxes: (N, 4) float32, continuous x1, y1, x2, y2 in pixels of the original image after EXIF rotation.
        scores: (N,) float32.
        names: (N) class names, as typed.
        masks: (N) compressed RLE dictionaries at the original size.
        runner_up_names: (N) second most likely class names; "" where there is none.
        runner_up_scores: (N,) float32 scores of those; 0 where there is none.
        region_indices: (N,) int64 regions of the encoded image that they come from; -1 where there is none.
        image_size: (height, width) of the original image after EXIF rotation.

    Raises:
        ValueError: a field does not have the type or the shape described here.
    """

    boxes: np.ndarray
    scores: np.ndarray
    names: tuple[str, ...]
    masks: tuple[Rle, ...]
    runner_up_names: tuple[str, ...]
    runner_up_scores: np.ndarray
    region_indices: np.ndarray
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        n = len(self.names)
        _check_image_size(self.image_size)
        _check_names("names", self.names, n)
        _check_boxes(self.boxes, n)
        _check_numbers("scores", self.scores, np.dtype(np.float32), n)
        _check_masks(self.masks, self.image_size, n)
        _check_names("runner_up_names", self.runner_up_names, n)
        _check_numbers("runner_up_scores", self.runner_up_scores, np.dtype(np.float32), n)
        _check_numbers("region_indices", self.region_indices, np.dtype(np.int64), n)

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def empty(cls, image_size: tuple[int, int]) -> Instances:
        """No instances, in an image of (height, width)."""
        return cls(
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            names=(),
            masks=(),
            runner_up_names=(),
            runner_up_scores=np.zeros(0, np.float32),
            region_indices=np.zeros(0, np.int64),
            image_size=image_size,
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Instances]) -> Instances:
        """All instances of at least one part, in order.

        Raises:
            ValueError: there is no part, or they are of images of different sizes.
        """
        sizes = {part.image_size for part in parts}
        if len(sizes) != 1:
            raise ValueError(f"parts must be of one image size, but got {sorted(sizes)}")
        return cls(
            boxes=np.concatenate([part.boxes for part in parts]),
            scores=np.concatenate([part.scores for part in parts]),
            names=tuple(name for part in parts for name in part.names),
            masks=tuple(mask for part in parts for mask in part.masks),
            runner_up_names=tuple(name for part in parts for name in part.runner_up_names),
            runner_up_scores=np.concatenate([part.runner_up_scores for part in parts]),
            region_indices=np.concatenate([part.region_indices for part in parts]),
            image_size=parts[0].image_size,
        )

    def select(self, chosen: np.ndarray | Sequence[int]) -> Instances:
        """The chosen instances, in the chosen order.

        Args:
            chosen: indices (K) into the instances, or a (N,) bool array.

        Raises:
            ValueError: a bool array does not have one value per instance.
            IndexError: an index lies outside.
        """
        chosen = np.asarray(chosen)
        if chosen.dtype == bool:
            if chosen.shape != (len(self),):
                raise ValueError(
                    f"chosen must be a bool array with shape ({len(self)},), but got {chosen.shape}"
                )
            chosen = np.flatnonzero(chosen)
        indices = chosen.astype(np.int64).reshape(-1)
        return Instances(
            boxes=self.boxes[indices],
            scores=self.scores[indices],
            names=tuple(self.names[i] for i in indices),
            masks=tuple(self.masks[i] for i in indices),
            runner_up_names=tuple(self.runner_up_names[i] for i in indices),
            runner_up_scores=self.runner_up_scores[indices],
            region_indices=self.region_indices[indices],
            image_size=self.image_size,
        )

    @cached_property
    def mask_areas(self) -> np.ndarray:
        """(N,) int64 pixels inside each mask."""
        return rle.areas(self.masks)

    def mask(self, index: int) -> np.ndarray:
        """(H, W) bool mask of one instance."""
        return rle.decode(self.masks[index])


def _check_image_size(image_size: tuple[int, int]) -> None:
    if not (
        isinstance(image_size, tuple)
        and len(image_size) == 2
        and all(isinstance(side, int) and side >= 1 for side in image_size)
    ):
        raise ValueError(f"image_size must be (height, width), two ints >= 1, but got {image_size!r}")


def _check_boxes(boxes: np.ndarray, n: int) -> None:
    if not (isinstance(boxes, np.ndarray) and boxes.dtype == np.float32 and boxes.shape == (n, 4)):
        raise ValueError(f"boxes must be a float32 array with shape ({n}, 4), but got {_described(boxes)}")
    # NaN fails both comparisons.
    good = (boxes[:, 0] <= boxes[:, 2]) & (boxes[:, 1] <= boxes[:, 3]) & np.isfinite(boxes).all(axis=1)
    if not good.all():
        worst = int(np.flatnonzero(~good)[0])
        raise ValueError(
            f"boxes must be finite with x1 <= x2 and y1 <= y2, but box {worst} is {boxes[worst]}"
        )


def _check_numbers(field: str, values: np.ndarray, dtype: np.dtype, n: int) -> None:
    if not (isinstance(values, np.ndarray) and values.dtype == dtype and values.shape == (n,)):
        raise ValueError(f"{field} must be a {dtype} array with shape ({n},), but got {_described(values)}")
    if not np.isfinite(values).all():
        raise ValueError(f"{field} must be finite, but got {values[~np.isfinite(values)][0]}")


def _check_names(field: str, names: tuple[str, ...], n: int) -> None:
    if not (isinstance(names, tuple) and len(names) == n and all(isinstance(name, str) for name in names)):
        raise ValueError(f"{field} must be a tuple of {n} strings, but got {_described(names)}")


def _check_masks(masks: tuple[Rle, ...], image_size: tuple[int, int], n: int) -> None:
    if not (isinstance(masks, tuple) and len(masks) == n):
        raise ValueError(f"masks must be a tuple of {n} compressed RLEs, but got {_described(masks)}")
    for i, mask in enumerate(masks):
        if not (isinstance(mask, dict) and isinstance(mask.get("counts"), str)):
            raise ValueError(f"masks must be RLEs with counts of type str, but got {mask!r:.80} (mask {i})")
        if tuple(mask["size"]) != image_size:
            raise ValueError(
                f"masks must have the image's size {image_size}, but got {mask['size']} (mask {i})"
            )


def _described(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"a {value.dtype} array with shape {value.shape}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"a {type(value).__name__}"
