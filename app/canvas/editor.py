"""`Editor`: the changes that the tools of the canvas ask for. Qt-free.

Every call is one step of undo. The canvas does not change its objects itself: the editor makes the change in
the project and then tells the canvas (`Canvas.update_objects`, `Canvas.remove_objects`), before it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.canvas.suggestions import Suggestion
from app.project.geometry import Box, Geometry

Found = Callable[[Sequence[Suggestion]], None]
"""Receives what the model found, best first."""


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

    def segment_point(self, x: float, y: float, then: Found) -> bool:
        """Ask the model for the objects under a point of the image, best first.

        Args:
            then: receives them later, in the window's thread; none where nothing was found or it failed.

        Returns:
            False where the model cannot be asked. That, and why nothing was found, is told by the editor.
        """

    def segment_box(self, box: Box, then: Found) -> bool:
        """Ask the model for the object in a box x1, y1, x2, y2 of the image; as `segment_point`."""

    def stop_segmenting(self) -> None:
        """The answer is not wanted any more: `then` is not called."""

    def add_found(self, geometry: Geometry, made_by: Mapping[str, Any], tool: str) -> str | None:
        """`add` of what the model found; `made_by` of its `Suggestion`."""
