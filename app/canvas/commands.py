"""`SelectionCommands`: what menus do with the selected objects. Each call is one step of undo.

A command that cannot be done says why through `Canvas.message`.
"""

from __future__ import annotations

from app.canvas import shaping
from app.canvas.canvas import Canvas
from app.canvas.editor import Copy
from app.canvas.objects import CanvasObject
from app.project.geometry import Geometry

ASIDE = 12
"""Screen pixels that a copy is moved where it would hide what it was copied from."""


class SelectionCommands:
    """Edits of the selection of a canvas; keeps what was copied, also from image to image."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._copied: tuple[Copy, ...] = ()

    @property
    def can_paste(self) -> bool:
        """Whether something was copied."""
        return bool(self._copied)

    def delete(self) -> None:
        """Remove the selected objects."""
        if chosen := self._changeable():
            self._canvas.editor.delete([object_.uuid for object_ in chosen])

    def merge(self) -> None:
        """Make one object of the selected ones; it is the first one that stays."""
        chosen = self._changeable()
        if len(chosen) < 2:
            self._say("Select two objects or more to merge them.")
            return
        merged = shaping.merge([object_.geometry for object_ in chosen], self._size)
        if merged is None:
            self._say("The merged object would cover no pixel: nothing was changed.")
            return
        uuids = [object_.uuid for object_ in chosen]
        self._canvas.editor.merge(uuids, merged)
        self._canvas.select(uuids[:1])

    def split(self) -> None:
        """Make an object of each part."""
        chosen = self._changeable()
        pieces = [(object_, shaping.split(object_.geometry, self._size)) for object_ in chosen]
        made: list[str] = []
        for object_, geometries in pieces:
            if len(geometries) > 1:
                made += self._canvas.editor.split(object_.uuid, geometries)
        if made:
            self._canvas.select(made)
        elif chosen:
            self._say("The object is in one piece.")

    def fill_holes(self) -> None:
        """Make the holes part of the objects."""
        chosen = self._changeable()
        filled = {o.uuid: new for o in chosen if (new := shaping.fill_holes(o.geometry, self._size))}
        if filled:
            self._canvas.editor.replace(filled, "fill_holes")
        elif chosen:
            self._say("There are no holes to fill.")

    def preview_simplify(self, tolerance: float) -> int:
        """Show the objects with fewer points, without changing them; returns the number of points."""
        shown = self._simplified(tolerance)
        self._canvas.preview(shown)
        return sum(shaping.number_of_points(geometry) for geometry in shown.values())

    def apply_simplify(self, tolerance: float) -> None:
        """Replace the geometries by ones with fewer points. Undo brings the old ones back."""
        if simplified := self._simplified(tolerance):
            self._canvas.editor.replace(simplified, "simplify")
        self._canvas.end_preview()

    def cancel_simplify(self) -> None:
        """End the preview."""
        self._canvas.end_preview()

    def nudge(self, dx: float, dy: float) -> None:
        """Move by image pixels, as far as the image reaches."""
        if chosen := self._changeable():
            geometries = [object_.geometry for object_ in chosen]
            dx, dy = shaping.room_to_move(geometries, dx, dy, self._size)
            if dx or dy:
                moved = {o.uuid: shaping.translate(o.geometry, dx, dy, self._size) for o in chosen}
                self._canvas.editor.replace(moved, "nudge")

    def copy(self) -> None:
        """Remember the selected objects."""
        if selected := self._canvas.selected():
            self._copied = tuple(Copy(object_.class_name, object_.geometry) for object_ in selected)

    def paste(self) -> None:
        """Add what was copied, at the same place of the image; a little aside where it would hide."""
        if not self._copied:
            self._say("Nothing was copied.")
            return
        if not self._canvas.has_image:
            return
        fitting = [self._fitted(copy) for copy in self._copied]
        copies = [copy for copy in fitting if copy is not None]
        if len(copies) < len(fitting):
            self._say(f"{len(fitting) - len(copies)} of {len(fitting)} objects lie outside of this image.")
        self._paste(copies)

    def duplicate(self) -> None:
        """Add copies of the selected objects, a little aside."""
        self._paste([Copy(o.class_name, o.geometry) for o in self._canvas.selected()])

    # ----------------------------------------------------------------

    @property
    def _size(self) -> shaping.Size:
        return self._canvas.image_size

    def _say(self, text: str) -> None:
        self._canvas.message.emit(text)

    def _changeable(self) -> list[CanvasObject]:
        """The selected objects but the locked ones; says so where nothing is left."""
        selected = self._canvas.selected()
        free = [object_ for object_ in selected if not object_.locked]
        if not selected:
            self._say("Select an object first.")
        elif not free:
            self._say("What is selected is locked: press L to unlock it.")
        return free

    def _simplified(self, tolerance: float) -> dict[str, Geometry]:
        return {
            o.uuid: new
            for o in self._canvas.selected()
            if not o.locked and (new := shaping.simplified(o.geometry, tolerance, self._size)) is not None
        }

    def _fitted(self, copy: Copy) -> Copy | None:
        """A copy for this image, which may have another size than the one it was copied from."""
        geometry = shaping.fitted(copy.geometry, self._size)
        return Copy(copy.class_name, geometry) if geometry else None

    def _paste(self, copies: list[Copy]) -> None:
        if not copies:
            return
        taken = {object_.geometry.box for object_ in self._canvas.objects.values()}
        if any(copy.geometry.box in taken for copy in copies):
            step = max(1, round(ASIDE / self._canvas.zoom))
            geometries = [copy.geometry for copy in copies]
            dx, dy = shaping.room_to_move(geometries, step, step, self._size)
            if not (dx or dy):
                dx, dy = shaping.room_to_move(geometries, -step, -step, self._size)
            copies = [
                Copy(copy.class_name, shaping.translate(copy.geometry, dx, dy, self._size)) for copy in copies
            ]
        self._canvas.select(self._canvas.editor.paste(copies))
