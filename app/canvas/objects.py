"""`CanvasObject`: what the canvas knows about an object. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.project.geometry import Box, Geometry

Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class CanvasObject:
    """An object as the canvas shows it. A changed object is a new value with the same uuid.

    Attributes:
        uuid: its identity in the project.
        geometry: where it is.
        class_name: as shown.
        colour: red, green, blue of its class, 0-255.
        state: one of `zsi_core.coco.provenance.STATES`. Rejected objects are not shown.
        score: of a proposal, 0-1.
        locked: shown and selectable, but no tool changes it.
        hidden: neither shown nor picked.
        z: place in the drawing order; of equal ones, what came later is drawn on top.
    """

    uuid: str
    geometry: Geometry
    class_name: str
    colour: Colour
    state: str
    score: float | None = None
    locked: bool = False
    hidden: bool = False
    z: int = 0

    @property
    def visible(self) -> bool:
        """Whether it is shown and can be picked."""
        return not self.hidden and self.state != "rejected"


def common_box(objects: Sequence[CanvasObject]) -> Box | None:
    """The smallest box around all; None for no objects."""
    if not objects:
        return None
    x1, y1, x2, y2 = zip(*(object_.geometry.box for object_ in objects), strict=True)
    return min(x1), min(y1), max(x2), max(y2)
