"""`SelectionCommands`: what menus do with the selected objects. Each call is one step of undo.

A command that cannot be done says why through `Canvas.message`.
"""

from __future__ import annotations

from app.canvas.canvas import Canvas


class SelectionCommands:
    """Edits of the selection of a canvas; keeps what was copied, also from image to image."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas

    def delete(self) -> None:
        """Remove the selected objects."""

    def merge(self) -> None:
        """Make one object of the selected ones."""

    def split(self) -> None:
        """Make an object of each part."""

    def fill_holes(self) -> None:
        """Make the holes part of the objects."""

    def preview_simplify(self, tolerance: float) -> int:
        """Show the objects with fewer points, without changing them; returns the number of points."""
        return 0

    def apply_simplify(self, tolerance: float) -> None:
        """Replace the geometries by ones with fewer points."""

    def cancel_simplify(self) -> None:
        """End the preview."""

    def nudge(self, dx: float, dy: float) -> None:
        """Move by image pixels."""

    def copy(self) -> None:
        """Remember the selected objects."""

    def paste(self) -> None:
        """Add what was copied, at the same place of the image; a little aside where it would hide."""

    def duplicate(self) -> None:
        """Add copies of the selected objects, a little aside."""
