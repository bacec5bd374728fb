"""`Scene`: the objects of the image, found by place. An `Item` keeps what drawing and picking need of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath

from app.canvas.objects import CanvasObject
from app.canvas.outline import Outline, level_of, outline_of, path_of
from app.project.geometry import Box

_LEVELS_KEPT = 2
"""Of an item's outlines: for the layer, and for the thick lines of what is selected."""


class Item:
    """An object with its path, which is built when it is first drawn."""

    __slots__ = ("_outlines", "_path", "_points", "object")

    def __init__(self, object_: CanvasObject, before: Item | None = None) -> None:
        self.object = object_
        self._path: QPainterPath | None = None
        self._points: int | None = None
        self._outlines: dict[int, Outline] = {}  # by level
        if before is not None and before.object.geometry is object_.geometry:
            self._path, self._outlines, self._points = before._path, before._outlines, before._points

    @property
    def box(self) -> Box:
        """x1, y1, x2, y2 in the image."""
        return self.object.geometry.box

    @property
    def path(self) -> QPainterPath:
        """The exact outline in image coordinates."""
        if self._path is None:
            self._path = path_of(self.object.geometry)
        return self._path

    @property
    def points(self) -> int:
        """Of the exact outline."""
        if self._points is None:
            parts = self.object.geometry.parts
            self._points = sum(len(part.outer) + sum(map(len, part.holes)) for part in parts)
        return self._points

    def outline_for(self, scale: float) -> Outline:
        """What looks the same at a scale in screen pixels per image pixel."""
        level = level_of(scale)
        if level not in self._outlines:
            while len(self._outlines) >= _LEVELS_KEPT:
                del self._outlines[next(iter(self._outlines))]
            self._outlines[level] = outline_of(self.object.geometry, self.path, level)
        return self._outlines[level]

    def contains(self, x: float, y: float) -> bool:
        """Whether a point of the image lies inside."""
        return self.path.contains(QPointF(x, y))


class Scene:
    """Items in drawing order, with their boxes as an array.

    Attributes:
        proposals: whether objects in the state "proposed" are shown.
    """

    def __init__(self) -> None:
        self.proposals = True
        self._items: dict[str, Item] = {}
        self._index: tuple[list[Item], np.ndarray, dict[str, int]] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __contains__(self, uuid: str) -> bool:
        return uuid in self._items

    def get(self, uuid: str | None) -> Item | None:
        """The item of an object, shown or not."""
        return self._items.get(uuid) if uuid is not None else None

    def replace_all(self, objects: Iterable[CanvasObject]) -> None:
        """These objects and no others."""
        old, self._items = self._items, {}
        for object_ in objects:
            self._items[object_.uuid] = Item(object_, old.get(object_.uuid))
        self._index = None

    def put(self, object_: CanvasObject) -> Item:
        """Add an object at its place in the drawing order, or replace the one with its uuid."""
        before = self._items.get(object_.uuid)
        top = next(reversed(self._items.values()), None)
        item = self._items[object_.uuid] = Item(object_, before)
        if before is not None and before.object.z == object_.z:
            self._replace_in_index(before, item)
            return item
        self._index = None
        if top is not None and (before is not None or top.object.z > object_.z):
            in_order = sorted(self._items.values(), key=lambda item: item.object.z)
            self._items = {item.object.uuid: item for item in in_order}
        return item

    def _replace_in_index(self, before: Item, item: Item) -> None:
        if self._index is None or not (self.is_shown(before) and self.is_shown(item)):
            self._index = None
            return
        items, boxes, rows = self._index
        row = rows[item.object.uuid]
        items[row], boxes[row] = item, item.box

    def remove(self, uuid: str) -> Item | None:
        """Forget an object."""
        self._index = None
        return self._items.pop(uuid, None)

    def is_shown(self, item: Item) -> bool:
        """Whether it is drawn and can be picked."""
        return item.object.visible and (self.proposals or item.object.state != "proposed")

    def set_proposals(self, shown: bool) -> None:
        """Show or hide objects in the state "proposed"."""
        self.proposals = shown
        self._index = None

    def shown(self) -> list[Item]:
        """All items that are drawn, in drawing order."""
        return self._shown()[0]

    def touching(self, box: Box) -> list[Item]:
        """Shown items whose box touches a box, in drawing order."""
        items, boxes, _ = self._shown()
        x1, y1, x2, y2 = box
        touch = (boxes[:, 0] <= x2) & (boxes[:, 2] >= x1) & (boxes[:, 1] <= y2) & (boxes[:, 3] >= y1)
        return [items[i] for i in np.flatnonzero(touch)]

    def within(self, box: Box) -> list[Item]:
        """Shown items whose box lies inside a box, in drawing order."""
        items, boxes, _ = self._shown()
        x1, y1, x2, y2 = box
        inside = (boxes[:, 0] >= x1) & (boxes[:, 2] <= x2) & (boxes[:, 1] >= y1) & (boxes[:, 3] <= y2)
        return [items[i] for i in np.flatnonzero(inside)]

    def at(self, x: float, y: float) -> list[Item]:
        """Shown items with a point inside, the smallest first."""
        found = [item for item in self.touching((x, y, x, y)) if item.contains(x, y)]
        return sorted(found, key=lambda item: item.object.geometry.area)

    def _shown(self) -> tuple[list[Item], np.ndarray, dict[str, int]]:
        """Items that are drawn, in order; their (N, 4) boxes; and uuid -> row of both."""
        if self._index is None:
            items = [item for item in self if self.is_shown(item)]
            boxes = np.array([item.box for item in items], dtype=np.float64).reshape(-1, 4)
            self._index = (items, boxes, {item.object.uuid: row for row, item in enumerate(items)})
        return self._index
