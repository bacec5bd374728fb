"""`Editor`: the changes that the tools of the canvas ask for. Qt-free.

Every call is one step of undo. The canvas does not change its objects itself: the editor makes the change in
the project and then tells the canvas (`Canvas.update_objects`, `Canvas.remove_objects`), before it returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.project.geometry import Box, Geometry


@dataclass(frozen=True, eq=False)
class Copy:
    """An object to be pasted: the canvas has already placed it inside the image."""

    class_name: str
    geometry: Geometry


class Editor(Protocol):
    """What stands behind the canvas. `tool` is a word for the provenance: "polygon", "brush", "move" ..."""

    def add(self, geometry: Geometry, tool: str) -> str | None:
        """A new object of the class that is chosen for drawing.

        Returns:
            Its uuid, which the canvas then selects; None when it was not made (no class was chosen).
        """

    def replace(self, geometries: Mapping[str, Geometry], tool: str) -> None:
        """New geometries of objects, by uuid."""

    def delete(self, uuids: Sequence[str]) -> None:
        """Remove objects."""

    def merge(self, uuids: Sequence[str], geometry: Geometry) -> None:
        """The first object gets the geometry, the others disappear."""

    def split(self, uuid: str, geometries: Sequence[Geometry]) -> Sequence[str]:
        """The object gets the first geometry; each other one becomes a new object of its class and state.

        Returns:
            The uuids of all of them, which the canvas then selects.
        """

    def paste(self, copies: Sequence[Copy]) -> Sequence[str]:
        """New objects with the class of the ones they were copied from; also used to duplicate.

        Returns:
            Their uuids, which the canvas then selects.
        """

    def segment_point(self, x: float, y: float, positive: bool) -> None:
        """Ask the model for the object under a point of the image (positive), or without it (negative)."""

    def segment_box(self, box: Box) -> None:
        """Ask the model for the object in a box of the image."""
