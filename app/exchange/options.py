"""What is exported, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zsi_core.coco.provenance import STATES

DEFAULT_STATES = ("accepted", "corrected", "drawn")


@dataclass(frozen=True)
class ExportOptions:
    """Choices of a person.

    Attributes:
        states: objects in these states are exported.
        scores: write the model's score.
        provenance: write the key `zsi`.
        force_rle: write every mask as RLE; otherwise polygons where they are exact.
        copy_images: copy the image files beside the annotations.
        val_percent: part of the images that goes into a validation set, 0 for a single set.
    """

    states: tuple[str, ...] = DEFAULT_STATES
    scores: bool = True
    provenance: bool = True
    force_rle: bool = False
    copy_images: bool = False
    val_percent: int = 0

    def __post_init__(self) -> None:
        if unknown := [state for state in self.states if state not in STATES]:
            raise ValueError(f"states must be among {', '.join(STATES)}, but got {', '.join(unknown)}")
        if not 0 <= self.val_percent <= 99:
            raise ValueError(f"val_percent must lie between 0 and 99, but is {self.val_percent}")


def ordered(states: Iterable[str]) -> tuple[str, ...]:
    """States in their order."""
    wanted = set(states)
    return tuple(state for state in STATES if state in wanted)
