"""`Canvas`: the widget that shows an image with its objects and lets tools edit them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from app.canvas.editor import Editor
from app.canvas.objects import CanvasObject
from app.canvas.settings import ViewSettings

TOOLS = (
    "select",
    "polygon",
    "rectangle",
    "brush",
    "eraser",
    "box_to_mask",
    "click_to_mask",
    "edge_refine",
)
"""Names for `Canvas.set_tool`."""


class Canvas(QWidget):
    """Signals carry Python objects: Qt's int has 32 bits."""

    selection_changed = Signal(object)
    """tuple of uuids, in the order they were selected."""
    cursor_moved = Signal(object)
    """(x, y) in pixels of the original image, or None when the cursor left it."""
    zoom_changed = Signal(object)
    """float, screen pixels (device-independent) per image pixel: 1.0 is 100 %."""
    tool_changed = Signal(object)
    """name, one of `TOOLS`."""
    brush_size_changed = Signal(object)
    """int, diameter in image pixels."""
    review_requested = Signal(object)
    """None; Space was released without a drag: accept and next."""
    message = Signal(object)
    """str for the status bar: why an edit was refused, or what a tool expects next."""

    def __init__(self, editor: Editor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.editor = editor

    # -- content

    def set_image(self, image: QImage | None, original_size: tuple[int, int] | None = None) -> None:
        """Show another image, fitted, without objects; None empties the canvas.

        Args:
            image: upright; may be a scaled preview of a very large one.
            original_size: (width, height) of the original; by default that of `image`.
        """

    def replace_pixels(self, image: QImage) -> None:
        """The same image in another resolution (preview, then the whole): view and objects stay."""

    def set_objects(self, objects: Iterable[CanvasObject]) -> None:
        """All objects of the image, later ones on top. The selection keeps those that are still there."""

    def update_objects(self, objects: Iterable[CanvasObject]) -> None:
        """Add new objects on top, and replace those with a known uuid."""

    def remove_objects(self, uuids: Iterable[str]) -> None:
        """Forget objects; unknown uuids are ignored."""

    @property
    def objects(self) -> Mapping[str, CanvasObject]:
        """All objects by uuid, in drawing order."""
        return {}

    # -- selection

    @property
    def selection(self) -> tuple[str, ...]:
        """Selected uuids, in the order they were selected."""
        return ()

    def select(self, uuids: Sequence[str], reveal: bool = False) -> None:
        """Select exactly these; `reveal` scrolls them into view. Unknown uuids are ignored."""

    def cycle(self, step: int = 1) -> None:
        """Tab: select the next object under the cursor, from small to large; without one there, of all."""

    # -- view

    @property
    def settings(self) -> ViewSettings:
        """How things are shown; change with `set_settings(dataclasses.replace(canvas.settings, ...))`."""
        return ViewSettings()

    def set_settings(self, settings: ViewSettings) -> None:
        """Show things in another way."""

    @property
    def zoom(self) -> float:
        """Screen pixels per image pixel."""
        return 1.0

    def zoom_to(self, zoom: float) -> None:
        """Zoom around the middle of the canvas; 1.0 is 100 %."""

    def fit(self) -> None:
        """Show the whole image."""

    def fit_selection(self) -> None:
        """Show the selected objects as large as they fit."""

    # -- tools

    @property
    def tool(self) -> str:
        """Name of the active tool."""
        return "select"

    def set_tool(self, name: str) -> None:
        """Take another tool; what is half drawn with the old one is dropped.

        Raises:
            KeyError: there is no tool of that name.
        """

    @property
    def drawing(self) -> bool:
        """Whether a gesture or a half drawn shape is under way: undo and navigation should wait."""
        return False

    def change_brush_size(self, step: int) -> None:
        """[ and ]: one step smaller (-1) or larger (1)."""
