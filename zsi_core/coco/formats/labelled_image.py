"""`LabelledImage`: one image with its annotations, the currency of all converters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LabelledImage:
    """An image and its annotations as COCO has them.

    Attributes:
        entry: the image in `images`: id, file_name, width, height and whatever else it has.
        path: the image file.
        annotations: its entries of `annotations`.
        in_val: it belongs to the validation set.
    """

    entry: dict[str, Any]
    path: Path
    annotations: Sequence[dict[str, Any]] = field(repr=False)
    in_val: bool = False

    @property
    def name(self) -> str:
        """Path below the image folder, with forward slashes."""
        return str(self.entry["file_name"])

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.entry["height"], self.entry["width"]
