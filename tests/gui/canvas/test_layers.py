"""What is redrawn when: a mouse move redraws no layer, an edit the place it touched, once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication

from app.canvas import outline
from app.canvas.drawing import Look, draw_objects
from app.canvas.scene import Item
from app.canvas.settings import ViewSettings
from app.canvas.viewport import MARGIN, Viewport

CTRL = Qt.KeyboardModifier.ControlModifier


def paint_all(canvas):
    """Until the last slice of the layers is drawn; while zooming, none is."""
    canvas.repaint()
    layers = [canvas.object_layer, *([canvas.highlight_layer] if canvas._highlights else [])]
    while not (all(layer.complete for layer in layers) or canvas._settle.isActive()):
        canvas.repaint()


def come_to_rest(canvas):
    """Until all repaints that were asked for are done."""
    QApplication.processEvents()
    while canvas._repaints.waiting:
        QApplication.processEvents()
    QApplication.processEvents()


def picture(canvas):
    paint_all(canvas)
    return canvas.grab().toImage()


@pytest.fixture
def counts(canvas):
    """How often the object layer was drawn (as a whole, in part) since the last call."""
    layer = canvas.object_layer
    last = [0, 0]

    def since():
        paint_all(canvas)
        new = (layer.rebuilds - last[0], layer.patches - last[1])
        last[:] = layer.rebuilds, layer.patches
        return new

    since()
    return since


@pytest.fixture
def many(canvas, make, counts):
    objects = [
        make.thing(f"o{i}", make.square(x, y, x + 14, y + 14))
        for i, (x, y) in enumerate((x, y) for x in range(0, 380, 20) for y in range(0, 280, 20))
    ]
    canvas.set_objects(objects)
    assert counts() == (1, 0)
    return objects


def test_mouse_moves_redraw_no_layer(canvas, hand, many, counts):
    images = canvas.image_layer.rebuilds
    for x in range(0, 400, 7):
        hand.move(x, x * 0.7)
    assert counts() == (0, 0)
    assert canvas.image_layer.rebuilds == images


def test_selecting_redraws_no_layer_unless_it_is_very_much(canvas, hand, many, counts):
    hand.click(27, 27)
    hand.click(47, 27, CTRL)
    assert len(canvas.selection) == 2 and counts() == (0, 0)
    canvas.select_all()
    assert len(canvas.selection) == len(many) and counts() == (1, 0)
    canvas.select(())
    assert counts() == (1, 0)


def test_an_edit_redraws_its_place_once(canvas, many, counts):
    canvas.update_objects([replace(many[3], colour=(1, 2, 3))])
    assert counts() == (0, 1)
    canvas.remove_objects([many[3].uuid])
    assert counts() == (0, 1)


def test_a_batch_redraws_everything_once(canvas, many, counts):
    canvas.update_objects([replace(object_, state="rejected") for object_ in many])
    assert counts() == (1, 0)
    assert canvas.scene.shown() == []


def crowd(make, colour=(0, 114, 178)):
    return [
        make.thing(
            f"c{i}", make.square(i % 40 * 10, i // 40 * 10, i % 40 * 10 + 9, i // 40 * 10 + 9), colour=colour
        )
        for i in range(1200)
    ]


def test_a_crowd_is_drawn_in_slices_between_events(canvas, qtbot, make, counts):
    layer = canvas.object_layer
    canvas.set_objects(crowd(make))
    canvas.repaint()
    assert not layer.complete, "one slice at a time"
    qtbot.waitUntil(lambda: layer.complete)
    before = canvas.grab().toImage()
    canvas.set_objects(crowd(make, (230, 159, 0)))
    canvas.repaint()
    assert not layer.complete
    assert canvas.grab().toImage() == before, "the old drawing is shown until the new one is complete"
    canvas.remove_objects(["c0"])
    assert picture(canvas) != before
    shown = picture(canvas)
    layer.invalidate()
    assert picture(canvas) == shown, "what changed meanwhile is not lost"


def test_another_image_never_shows_the_objects_of_the_former_one(canvas, make):
    canvas.set_objects(crowd(make))
    paint_all(canvas)
    image = QImage(400, 300, QImage.Format.Format_RGB32)
    image.fill(0x808080)
    canvas.set_image(image)
    empty = picture(canvas)
    canvas.set_objects(crowd(make))
    paint_all(canvas)
    canvas.set_image(image)
    assert canvas.grab().toImage() == empty


def test_a_drag_redraws_the_layer_when_it_begins_and_when_it_ends(canvas, hand, many, counts, editor):
    hand.click(27, 27)
    hand.press(27, 27)
    hand.drag_to(30, 30)
    hand.drag_to(60, 50)
    assert counts() == (0, 1)
    hand.drag_to(90, 60)
    assert counts() == (0, 0)
    hand.release(90, 60)
    assert editor.calls == [("replace", "move", canvas.selection)]
    assert counts()[1] in (1, 2), "once, or where it was and where it is"


def test_a_place_that_many_changes_touch_is_drawn_once(canvas, make, many, counts):
    for x in range(10):
        canvas.update_objects([make.thing("new", make.square(200 + x, 200, 230 + x, 230))])
    assert counts() == (0, 1)
    canvas.remove_objects(["new"])
    canvas.update_objects([replace(many[0], colour=(1, 2, 3))])
    assert counts() == (0, 2), "two places"


def test_panning_draws_what_comes_into_view(canvas, many, counts):
    canvas.zoom_to(4)
    canvas.fit()
    canvas.zoom_to(4)
    QApplication.processEvents()
    canvas._settle.stop()
    counts()
    for _ in range(5):
        canvas.pan(-7, 0)
    assert counts() == (0, 5)
    canvas.pan(-7, 9)
    assert counts() == (0, 2)


@pytest.mark.parametrize("labels", [False, True])
def test_panned_and_drawn_anew_look_the_same(canvas, hand, many, labels):
    canvas.set_settings(replace(canvas.settings, labels=labels))
    canvas.zoom_to(3)
    canvas._settle.stop()
    paint_all(canvas)
    for step in ((-13, 5), (40, -22), (3, 60), (-90, -10)):
        canvas.pan(*step)
    moved = picture(canvas)
    canvas.object_layer.invalidate()
    canvas.image_layer.invalidate()
    assert moved == picture(canvas)


@pytest.mark.parametrize("scale", [0.1, 1, 4])
def test_an_outline_of_thousands_of_points_is_thinned_out_unseen(make, scale):
    angles = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    ring = 200 + 130 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    path = Item(make.thing("a", make.polygon(ring))).outline_for(scale).path
    assert path.elementCount() < 400
    drawn = [(path.elementAt(i).x, path.elementAt(i).y) for i in range(path.elementCount())]
    off = shapely.hausdorff_distance(shapely.LinearRing(ring), shapely.LineString(drawn))
    assert off * scale < 0.5, "half a pixel on screen"


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("look", [Look.PLAIN, Look.CURRENT])
def test_an_outline_in_pieces_looks_as_in_one(make, monkeypatch, ratio, look):
    angles = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    radius = 120 + 6 * np.sin(60 * angles)
    ring = np.stack([200 + radius * np.cos(angles), 150 + radius * np.sin(angles)], axis=1)
    drawn = []
    for points in (outline.PIECE, len(ring)):
        monkeypatch.setattr(outline, "PIECE", points)
        item = Item(make.thing("a", make.polygon(ring), state="proposed"))
        assert (len(item.outline_for(1.0).pieces) > 1) == (points < len(ring))
        image = QImage(400 * ratio, 300 * ratio, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        image.fill(0x808080)
        painter = QPainter(image)
        draw_objects(painter, [item], Viewport((400, 300), (400, 300)), ViewSettings(), look)
        painter.end()
        drawn.append(np.frombuffer(image.constBits(), np.uint8).reshape(300 * ratio, -1, 4).astype(int))
    lines = np.ptp(drawn[1], axis=2) > 20
    differ = np.abs(drawn[0] - drawn[1]).max(axis=2) > 40
    assert lines.sum() > 500 * ratio
    assert differ.sum() < 0.02 * lines.sum(), "also the dashes go on from piece to piece"


def test_labels_stay_on_the_image(canvas, make):
    corners = ((0, 0), (390, 0), (0, 290), (390, 290), (200, 1))
    canvas.set_objects(
        make.thing(f"o{i}", make.square(x, y, x + 10, y + 9), class_name="a name that is rather long")
        for i, (x, y) in enumerate(corners)
    )

    def pixels():
        image = picture(canvas).convertToFormat(QImage.Format.Format_RGB32)
        return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.width()).copy()

    without = pixels()
    canvas.set_settings(replace(canvas.settings, labels=True))
    rows, columns = np.nonzero(pixels() != without)
    image = canvas.viewport.rect_to_widget((0, 0, 400, 300))
    assert image.left() - 1 <= columns.min() and columns.max() <= image.right() + 1
    assert image.top() - MARGIN <= rows.min() and rows.max() <= image.bottom() + 1


@pytest.mark.parametrize("points", [4, 400])
def test_patched_and_drawn_anew_look_the_same(canvas, make, many, points):
    """Also with so many points that lines are drawn the fast way."""
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    canvas.update_objects(
        make.thing(f"o{i}", make.polygon(circle * 20 + (i, 60)), state="proposed") for i in range(50, 90)
    )
    paint_all(canvas)
    for i in (0, 40, 100):
        canvas.update_objects([make.thing(f"o{i}", make.polygon(circle * 30 + (i + 50, 90)))])
    canvas.remove_objects(["o41", "o55"])
    canvas.pan(13, -8)
    patched = picture(canvas)
    canvas.object_layer.invalidate()
    assert patched == picture(canvas)


def test_zooming_redraws_objects_when_it_is_over(canvas, qtbot, many, counts):
    for _ in range(6):
        canvas.zoom_by(1.25)
        canvas.repaint()
    assert counts() == (0, 0)
    qtbot.waitUntil(lambda: canvas.object_layer._shown == canvas.viewport, timeout=2000)
    assert counts() == (1, 0)


def test_a_high_resolution_screen_gets_all_its_pixels(canvas, make):
    canvas.set_objects([make.thing("a", make.square(100, 100, 200, 200))])
    canvas.viewport = replace(canvas.viewport, ratio=2.0)
    canvas.repaint()
    pixmap = canvas.object_layer._pixmap
    assert (pixmap.width(), pixmap.height()) == (2 * canvas.width(), 2 * canvas.height())
    place = canvas.viewport.to_widget(150, 150) * 2
    assert pixmap.toImage().pixelColor(place.toPoint()).alpha() > 0
    assert pixmap.toImage().pixelColor(5, 5).alpha() == 0


class Painted(QObject):
    """Counts how often the widget is painted, and how many pixels of it."""

    def __init__(self, canvas):
        super().__init__(canvas)
        self.pixels = self.times = 0
        canvas.installEventFilter(self)

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            rect = event.region().boundingRect()
            self.times += 1
            self.pixels += rect.width() * rect.height()
        return False


def test_a_brush_on_a_large_image_repaints_only_where_it_is(canvas, hand):
    image = QImage(4000, 3000, QImage.Format.Format_RGB32)
    image.fill(0)
    canvas.set_image(image)
    canvas.set_tool("brush")
    canvas.set_brush_size(100)
    hand.press(1000, 1000)
    QApplication.processEvents()
    painted = Painted(canvas)
    hand.drag_to(1100, 1000)
    QApplication.processEvents()
    assert 0 < painted.pixels < (220 * canvas.zoom + 40) * (120 * canvas.zoom + 40)
    hand.key(Qt.Key.Key_Escape)


def test_what_changed_is_drawn_in_turns_of_their_own_and_then_painted_once(canvas, qtbot, make, many, counts):
    overlay = make.thing("preview", make.square(30, 30, 90, 90))
    canvas.set_overlay([overlay])
    picture(canvas)
    come_to_rest(canvas)
    layer, highlights = canvas.object_layer, canvas.highlight_layer
    painted = Painted(canvas)
    before = (layer.patches, highlights.patches)
    canvas.set_overlay(())
    canvas.update_objects([make.thing("found", overlay.geometry)])
    canvas.mark("found")
    QApplication.sendPostedEvents()
    assert painted.times == 0, "the turn belongs to what else follows the change"
    assert (layer.patches, highlights.patches) == before
    qtbot.waitUntil(lambda: painted.times)
    assert (layer.patches, highlights.patches) == (before[0] + 1, before[1] + 1)
    assert painted.times == 1, "nobody sees one layer without the other"


def test_what_floats_over_the_image_does_not_make_it_draw_at_once(canvas, qtbot, many, counts):
    shown = picture(canvas)
    canvas.update_objects([replace(many[0], colour=(1, 2, 3))])
    patches = canvas.object_layer.patches
    canvas.repaint(QRect(0, 0, 30, 30))
    assert canvas.object_layer.patches == patches
    qtbot.waitUntil(lambda: canvas.object_layer.patches == patches + 1)
    assert picture(canvas) != shown


def test_what_stands_out_is_drawn_once_and_not_at_every_repaint(canvas, hand, many, counts):
    plain = picture(canvas)
    canvas.mark(many[1].uuid)
    canvas.select([many[2].uuid])
    hand.move(47, 7)
    marked = picture(canvas)
    layer = canvas.highlight_layer
    drawn = (layer.rebuilds, layer.patches)
    assert marked != plain
    canvas.repaint()
    assert (layer.rebuilds, layer.patches) == drawn
    assert counts() == (0, 0), "the objects below stay as they are"
    layer.invalidate()
    assert picture(canvas) == marked
    canvas.pan(9, -4)
    moved = picture(canvas)
    layer.invalidate()
    assert picture(canvas) == moved
    canvas.pan(-9, 4)
    canvas.mark(None)
    canvas.select(())
    hand.move(395, 295)
    canvas.set_hovered(None)
    assert picture(canvas) == plain


def test_hovering_repaints_only_the_object(canvas, hand, many):
    hand.move(290, 290)
    come_to_rest(canvas)
    painted = Painted(canvas)
    hand.move(27, 27)
    come_to_rest(canvas)
    assert 0 < painted.pixels < 60 * 60
