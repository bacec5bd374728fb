"""`Canvas`: the widget that shows an image with its objects and lets tools edit them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.canvas.drawing import Look, are_few, draw_objects, extent, margins, slices, touching
from app.canvas.editor import Editor
from app.canvas.highlights import DRAWN_OVER, Highlights
from app.canvas.image_layer import ImagePainter
from app.canvas.layer import CachedLayer, Slice
from app.canvas.objects import CanvasObject, common_box
from app.canvas.pointing import Pointing
from app.canvas.repaints import Repaints
from app.canvas.scene import Item, Scene
from app.canvas.settings import ViewSettings
from app.canvas.tools import make_tools
from app.canvas.tools.tool import Tool
from app.canvas.viewport import Viewport
from app.project.geometry import Box, Geometry

PATCHED = 20
"""Up to this many changed objects are redrawn one by one; for more the layer is drawn anew."""
SETTLING = 80
"""Milliseconds after the last step of zooming until everything is drawn in the new size."""


class Canvas(QWidget):
    """Signals carry Python objects: Qt's int has 32 bits.

    Attributes:
        editor: makes the changes that tools ask for.
        image_layer, object_layer, highlight_layer: the cached drawings, with their counts of redrawing.
    """

    selection_changed = Signal(object)
    """tuple of uuids, in the order they were selected."""
    hovered_changed = Signal(object)
    """uuid of the object under the cursor, or None."""
    cursor_moved = Signal(object)
    """(x, y) in pixels of the original image, or None when the cursor left it."""
    zoom_changed = Signal(object)
    """float, screen pixels (device-independent) per image pixel: 1.0 is 100 %."""
    tool_changed = Signal(object)
    """name, one of `app.canvas.tools.TOOLS`."""
    brush_size_changed = Signal(object)
    """int, diameter in image pixels."""
    review_requested = Signal(object)
    """None; Space was released without a drag: accept and next."""
    menu_requested = Signal(object)
    """QPoint on the screen: the right button was clicked; what lies under it is selected."""
    message = Signal(object)
    """str for the status bar: why an edit was refused, or what a tool expects next."""

    def __init__(self, editor: Editor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # These two first of all: events come as soon as something is set.
        self.pictures = ImagePainter()
        self._pointing = Pointing(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(64, 64)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.editor = editor
        self.scene = Scene()
        self.viewport = Viewport((1, 1), (self.width(), self.height()))
        self.image_layer = CachedLayer(self.pictures.slices)
        self.object_layer = CachedLayer(self._draw_objects)
        self._highlights = Highlights(self.scene)
        self.highlight_layer = CachedLayer(
            lambda viewport, rect: self._highlights.slices(viewport, rect, self._settings, self._taken_out)
        )
        self._layers = (self.object_layer, self.highlight_layer)
        self._repaints = Repaints(self._layers, lambda: self.viewport, super().update, self)
        self._settings = ViewSettings()
        self._surround = self.palette().window().color()
        self._previews: dict[str, Item] = {}
        self._hidden: str | None = None
        self._taken_out: frozenset[str] = frozenset()  # drawn at every repaint instead of in the layer
        self._smooth = True
        self._fitted = True
        self._settle = QTimer(self, singleShot=True, interval=SETTLING)
        self._settle.timeout.connect(self.update)
        self._tools = make_tools(self)
        self._tool_name = "select"
        self._brush_size = 20
        self.setCursor(self.active_tool.cursor)

    # -- content

    def set_image(self, image: QImage | None, original_size: tuple[int, int] | None = None) -> None:
        """Show another image, fitted, without objects; None empties the canvas.

        Args:
            image: upright; may be a scaled preview of a very large one.
            original_size: (width, height) of the original; by default that of `image`.
        """
        self._pointing.let_go()
        self.active_tool.cancel()
        self.set_objects(())
        self.set_overlay(())
        for layer in self._layers:
            layer.forget()
        self.pictures.set_image(image)
        size = original_size or ((image.width(), image.height()) if image else (1, 1))
        self.viewport = replace(self.viewport, image=size)
        self.image_layer.invalidate()
        self.fit()

    def replace_pixels(self, image: QImage) -> None:
        """The same image in another resolution (preview, then the whole): view and objects stay."""
        self.pictures.set_image(image)
        self.image_layer.invalidate()
        self.update()

    @property
    def has_image(self) -> bool:
        """Whether there is something to draw on."""
        return self.pictures.pixels is not None

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) of the original image."""
        return self.viewport.image

    def set_objects(self, objects: Iterable[CanvasObject]) -> None:
        """All objects of the image, later ones on top. The selection keeps those that are still there."""
        self.scene.replace_all(objects)
        self._previews.clear()
        self._taken_out = self._taken_out_now()
        self._redraw_all()
        self._forget_missing()

    def update_objects(self, objects: Iterable[CanvasObject]) -> None:
        """Add new objects at their places in the drawing order, and replace those with a known uuid."""
        pairs = [(self.scene.get(object_.uuid), self.scene.put(object_)) for object_ in objects]
        for _, item in pairs:
            self._previews.pop(item.object.uuid, None)
        self._taken_out = self._taken_out_now()
        if len(pairs) > PATCHED:
            self._redraw_all()
            return
        for old, new in pairs:
            self._redraw(*(item for item in (old, new) if item is not None))

    def remove_objects(self, uuids: Iterable[str]) -> None:
        """Forget objects; unknown uuids are ignored."""
        gone = [item for uuid in uuids if (item := self.scene.remove(uuid))]
        for item in gone:
            self._previews.pop(item.object.uuid, None)
            self._redraw(item)
        self._taken_out = self._taken_out_now()
        if len(gone) > PATCHED:
            self._redraw_all()
        self._forget_missing()

    def _forget_missing(self) -> None:
        """Objects have disappeared: nothing may hold on to them."""
        if any(uuid not in self.scene for uuid in self.active_tool.editing):
            self.active_tool.cancel()
        if (hovered := self._highlights.hovered) is not None and hovered not in self.scene:
            self._set_hovered(None)
        self.select([uuid for uuid in self.selection if uuid in self.scene])

    @property
    def objects(self) -> Mapping[str, CanvasObject]:
        """All objects by uuid, in drawing order."""
        return {item.object.uuid: item.object for item in self.scene}

    # -- selection

    @property
    def selection(self) -> tuple[str, ...]:
        """Selected uuids, in the order they were selected."""
        return self._highlights.selection

    def selected(self) -> list[CanvasObject]:
        """The selected objects."""
        return [item.object for uuid in self.selection if (item := self.scene.get(uuid))]

    def select(self, uuids: Sequence[str], reveal: bool = False) -> None:
        """Select exactly these; `reveal` brings them into view. Unknown uuids are ignored."""
        wanted = tuple(uuid for uuid in dict.fromkeys(uuids) if uuid in self.scene)
        old, self._highlights.selection = self.selection, wanted
        if max(len(wanted), len(old)) > DRAWN_OVER and wanted != old:
            self._redraw_all()
        self._highlight(*(set(old) ^ set(wanted)))
        if wanted != old:
            self.selection_changed.emit(wanted)
        if reveal and (box := common_box(self.selected())):
            inner = QRectF(self.rect()).adjusted(20, 20, -20, -20)
            if not inner.intersects(self.viewport.rect_to_widget(box)):
                self.center_on((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)

    def select_all(self) -> None:
        """Select everything that is shown."""
        self.select([item.object.uuid for item in self.scene.shown()])

    def cycle(self, step: int = 1) -> None:
        """Tab: select the next object under the cursor, from small to large; without one there, of all."""
        place = self._pointing.image_place
        items = self.scene.at(*place) if place else []
        items = items if len(items) > 1 else self.scene.shown()
        if not items:
            return
        uuids = [item.object.uuid for item in items]
        last = self.selection[-1] if self.selection else None
        start = uuids.index(last) if last in uuids else (-1 if step > 0 else 0)
        self.select([uuids[(start + step) % len(uuids)]], reveal=True)

    # -- view

    @property
    def settings(self) -> ViewSettings:
        """How things are shown; change with `set_settings(dataclasses.replace(canvas.settings, ...))`."""
        return self._settings

    def set_surround(self, colour: QColor) -> None:
        """Colour of what no image covers."""
        self._surround = colour
        self.update()

    def set_settings(self, settings: ViewSettings) -> None:
        """Show things in another way."""
        old, self._settings = self._settings, settings
        if (old.brightness, old.contrast) != (settings.brightness, settings.contrast):
            self.pictures.set_tone(settings.brightness, settings.contrast)
            self.image_layer.invalidate()
        if old.proposals != settings.proposals:
            self.scene.set_proposals(settings.proposals)
        self._redraw_all()

    @property
    def zoom(self) -> float:
        """Screen pixels per image pixel."""
        return self.viewport.zoom

    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom around a point of the widget, by default its middle; 1.0 is 100 %."""
        middle = QPointF(self.width() / 2, self.height() / 2)
        self._show(self.viewport.zoomed(zoom, middle if at is None else at))

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom in (above 1) or out."""
        self.zoom_to(self.zoom * factor, at)

    def pan(self, dx: float, dy: float) -> None:
        """Move the image by device-independent pixels; what is on screen moves along, the rest is drawn."""
        self._fitted = False
        self.viewport = self.viewport.panned(dx, dy)
        self.image_layer.follow(self.viewport)
        self.object_layer.follow(self.viewport)
        if self._highlights:
            self.highlight_layer.follow(self.viewport)
        self.update()

    def center_on(self, x: float, y: float) -> None:
        """Bring a point of the image to the middle."""
        place = self.viewport.to_widget(x, y)
        self.pan(self.width() / 2 - place.x(), self.height() / 2 - place.y())

    def fit(self) -> None:
        """Show the whole image, also after the canvas changes its size."""
        self._show(self.viewport.fitted(), at_once=True)
        self._fitted = True

    def fit_selection(self) -> None:
        """Show the selected objects as large as they fit."""
        if box := common_box(self.selected()):
            margin = min(self.width(), self.height()) / 8
            self._show(self.viewport.showing(box, margin), at_once=True)

    def _show(self, viewport: Viewport, at_once: bool = False) -> None:
        zoomed = viewport.zoom != self.viewport.zoom
        self.viewport = viewport
        self._fitted = False
        if at_once:
            self._settle.stop()
        else:
            self._settle.start()
        self.update()
        if zoomed:
            self.zoom_changed.emit(viewport.zoom)

    # -- tools

    @property
    def tool(self) -> str:
        """Name of the active tool."""
        return self._tool_name

    @property
    def active_tool(self) -> Tool:
        """The tool that gets what the mouse does."""
        return self._tools[self._tool_name]

    def set_tool(self, name: str) -> None:
        """Take another tool; what is half drawn with the old one is dropped.

        Raises:
            KeyError: there is no tool of that name.
        """
        tool = self._tools[name]
        if name == self._tool_name:
            return
        self.active_tool.cancel()
        self.active_tool.leave()
        self._tool_name = name
        self._set_hovered(None)
        self.setCursor(tool.cursor)
        self.update()
        self.tool_changed.emit(name)
        self.message.emit(tool.hint)

    @property
    def drawing(self) -> bool:
        """Whether a gesture or a half drawn shape is under way: undo and navigation should wait."""
        return self.active_tool.busy

    @property
    def brush_size(self) -> int:
        """Diameter of brush and eraser in image pixels."""
        return self._brush_size

    def set_brush_size(self, diameter: int) -> None:
        """Change the diameter of brush and eraser, 1 to 500 image pixels."""
        diameter = min(max(diameter, 1), 500)
        if diameter != self._brush_size:
            self._brush_size = diameter
            self.update()
            self.brush_size_changed.emit(diameter)

    def change_brush_size(self, step: int) -> None:
        """[ and ]: one step smaller (-1) or larger (1), about a fifth."""
        self.set_brush_size(self._brush_size + step * max(1, self._brush_size // 5))

    # -- what tools use

    def preview(self, geometries: Mapping[str, Geometry]) -> None:
        """Show objects with other geometries until `end_preview` or until they are updated."""
        before = list(self._previews.values())
        self._previews = {
            uuid: Item(replace(item.object, geometry=geometry))
            for uuid, geometry in geometries.items()
            if (item := self.scene.get(uuid))
        }
        self._take_out()
        for item in (*before, *self._previews.values()):
            self.update(extent(item, self.viewport, self._settings).toAlignedRect())

    def end_preview(self) -> None:
        """Show the objects as they are."""
        self.preview({})

    def set_overlay(self, objects: Iterable[CanvasObject]) -> None:
        """Show shapes above all objects that are none yet: they can be neither picked nor selected."""
        before, self._highlights.overlay = self._highlights.overlay, list(map(Item, objects))
        for item in (*before, *self._highlights.overlay):
            self._redraw_highlight(item)

    @property
    def overlay(self) -> list[CanvasObject]:
        """What `set_overlay` shows."""
        return [item.object for item in self._highlights.overlay]

    def mark(self, uuid: str | None) -> None:
        """Draw one object thicker than all others, with its label; None for none."""
        old = self._highlights.marked
        if uuid != old:
            self._highlight(old)  # with its label, as long as it is marked
            self._highlights.marked = uuid
            self._highlight(old, uuid)

    def hide_while_edited(self, uuid: str | None) -> None:
        """Draw all objects but this one: the tool shows it itself. None shows all again."""
        self._hidden = uuid
        self._take_out()

    def add(self, geometry: Geometry, tool: str) -> None:
        """Ask the editor for a new object and select it."""
        if uuid := self.editor.add(geometry, tool):
            self.select([uuid])

    def set_hovered(self, pointer_place: tuple[float, float] | None) -> None:
        """Light up the object at a place of the image."""
        items = self.scene.at(*pointer_place) if pointer_place else []
        self._set_hovered(items[0].object.uuid if items else None)

    def update_box(self, box: Box, margin: float = 4) -> None:
        """Repaint a box of the image and some pixels around it."""
        rect = self.viewport.rect_to_widget(box).adjusted(-margin, -margin, margin, margin)
        self.update(rect.toAlignedRect())

    def _set_hovered(self, uuid: str | None) -> None:
        old, self._highlights.hovered = self._highlights.hovered, uuid
        if uuid != old:
            self._highlight(old, uuid)
            self.hovered_changed.emit(uuid)

    # -- painting

    def _taken_out_now(self) -> frozenset[str]:
        return frozenset((*self._previews, *((self._hidden,) if self._hidden else ())))

    def _take_out(self) -> None:
        """Objects being edited are drawn at every repaint instead of in the layer."""
        before, self._taken_out = self._taken_out, self._taken_out_now()
        changed = [item for uuid in before ^ self._taken_out if (item := self.scene.get(uuid))]
        if len(changed) > PATCHED:
            self._redraw_all()
        else:
            for item in changed:
                self._redraw(item)

    def update(self, place: QRect | None = None) -> None:  # type: ignore[override]
        """Repaint a place, or all, when what has changed there is drawn."""
        self._repaints.ask(self.rect() if place is None else place)

    def _redraw_all(self) -> None:
        for layer in self._layers:
            layer.invalidate()
        self.update()

    def _redraw(self, *items: Item) -> None:
        """An object has changed, here are its old and new item: draw their places, in the layers too."""
        for item in items:
            area = extent(item, self.viewport, self._settings)
            self.object_layer.patch(self.viewport, area)
            self.update(area.toAlignedRect())
            if item.object.uuid in self._highlights:
                self._redraw_highlight(item)

    def _redraw_highlight(self, item: Item) -> None:
        area = self._highlights.extent(item, self.viewport, self._settings)
        self.highlight_layer.patch(self.viewport, area)
        self.update(area.toAlignedRect())

    def _highlight(self, *uuids: str | None) -> None:
        """They stand out from now on, or no longer."""
        for item in filter(None, map(self.scene.get, uuids)):
            self._redraw_highlight(item)

    def _draw_objects(self, viewport: Viewport, rect: QRectF) -> list[Slice]:
        room = margins(self._settings)
        reached = rect.adjusted(-room.right(), -room.bottom(), room.left(), room.top())
        found = self.scene.touching(viewport.rect_to_image(reached))
        items = [item for item in found if item.object.uuid not in self._taken_out]
        if rect.size() == QSizeF(*viewport.widget):
            self._smooth = are_few(items)  # what is patched later must look like the rest
        chosen = set(self.selection) if len(self.selection) > DRAWN_OVER else set()
        selected = [item for item in items if item.object.uuid in chosen]
        return [
            *slices(items, viewport, self._settings, smooth=self._smooth),
            *slices(selected, viewport, self._settings, Look.SELECTED, self._smooth),
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setClipRegion(event.region())
        painter.fillRect(event.rect(), self._surround)
        self.image_layer.blit(painter, self.viewport, stretch=False)
        layers = self._layers if self._highlights else self._layers[:1]
        part = event.rect() != self.rect()  # what floats over the image moves: no reason to draw at once
        for layer in layers:
            layer.blit(painter, self.viewport, stretch=self._settle.isActive(), behind=part)
        edited = [item for item in self._previews.values() if self.scene.is_shown(item)]
        touched = touching(edited, QRectF(event.rect()), self.viewport, self._settings)
        draw_objects(painter, touched, self.viewport, self._settings, Look.EDITED)
        self.active_tool.paint(painter)
        painter.end()
        unfinished = (not (layer.complete or layer.is_behind(self.viewport)) for layer in layers)
        if any(unfinished) and not self._settle.isActive():
            QTimer.singleShot(0, self, self.update)

    # -- events

    def resizeEvent(self, event: QResizeEvent) -> None:
        size = (max(1, self.width()), max(1, self.height()))
        viewport = self.viewport.resized(size, self.devicePixelRatioF())
        if self._fitted:
            self._show(viewport.fitted())
            self._fitted = True
        else:
            self._show(viewport)

    def hideEvent(self, event: QEvent) -> None:
        self._settle.stop()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.viewport = replace(self.viewport, ratio=self.devicePixelRatioF())
            self.update()
        if self._pointing.handle(event):
            return True
        return super().event(event)
