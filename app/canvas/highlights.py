"""What is drawn over all objects, so that it stands out from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from PySide6.QtCore import QRectF

from app.canvas.drawing import Look, extent, slices, touching
from app.canvas.layer import Slice
from app.canvas.scene import Item, Scene
from app.canvas.settings import ViewSettings
from app.canvas.viewport import Viewport

DRAWN_OVER = 50
"""Up to this many selected objects stand out here; more are drawn into the layer of all objects."""


class Highlights:
    """Attributes:
    hovered: uuid of the object under the cursor, or None.
    selection: uuids of the selected objects, in the order they were selected.
    marked: uuid of the object that is drawn thicker than all others, with its label, or None.
    overlay: shapes that are no objects.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.hovered: str | None = None
        self.selection: tuple[str, ...] = ()
        self.marked: str | None = None
        self.overlay: list[Item] = []

    def __bool__(self) -> bool:
        """Whether there is anything to draw."""
        return bool(self.overlay or self.selection or self.hovered or self.marked)

    def __contains__(self, uuid: str) -> bool:
        return uuid in (self.hovered, self.marked) or uuid in self.selection

    def extent(self, item: Item, viewport: Viewport, settings: ViewSettings) -> QRectF:
        """The rectangle of the widget outside of which an item draws nothing."""
        labels = settings.labels or item.object.uuid == self.marked
        return extent(item, viewport, replace(settings, labels=labels))

    def slices(
        self, viewport: Viewport, rect: QRectF, settings: ViewSettings, without: Collection[str]
    ) -> list[Slice]:
        """What lies in a rectangle of the widget.

        Args:
            without: uuids of objects that are drawn elsewhere.
        """
        chosen = self.selection if len(self.selection) <= DRAWN_OVER else ()
        left_out = {*without, self.marked}
        hovered = self._items(uuid for uuid in (self.hovered,) if uuid not in left_out)
        selected = self._items(uuid for uuid in chosen if uuid not in left_out)
        marked = self._items(uuid for uuid in (self.marked,) if uuid not in without)
        labelled = replace(settings, labels=True)
        return [
            drawn
            for items, how, look in (
                (hovered, settings, Look.HOVERED),
                (selected, settings, Look.SELECTED),
                (self.overlay, settings, Look.PLAIN),
                (marked, labelled, Look.CURRENT),
            )
            for drawn in slices(touching(items, rect, viewport, how), viewport, how, look)
        ]

    def _items(self, uuids: Iterable[str | None]) -> list[Item]:
        found = (self._scene.get(uuid) for uuid in uuids)
        return [item for item in found if item is not None and self._scene.is_shown(item)]
