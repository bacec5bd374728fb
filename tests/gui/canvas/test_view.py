from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QKeySequence, QShortcut, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

MIDDLE, LEFT = Qt.MouseButton.MiddleButton, Qt.MouseButton.LeftButton
NOTHING, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


def turn_wheel(canvas, at, notches, modifiers=NOTHING):
    event = QWheelEvent(
        QPointF(at),
        canvas.mapToGlobal(QPointF(at)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def colour_at(canvas, x, y):
    return canvas.grab().toImage().pixelColor(canvas.viewport.to_widget(x, y).toPoint()).getRgb()[:3]


def test_an_image_is_fitted_and_stays_so_when_the_widget_changes(canvas):
    def fits():
        shown = canvas.viewport.rect_to_widget((0, 0, 400, 300))
        free = min(canvas.width() - shown.width(), canvas.height() - shown.height())
        return shown.left() > 0 and shown.top() > 0 and 20 < free < 30

    assert fits()
    canvas.resize(900, 400)
    QApplication.processEvents()
    assert fits()
    canvas.zoom_to(2.0)
    canvas.resize(700, 600)
    QApplication.processEvents()
    assert canvas.zoom == 2.0


@pytest.mark.parametrize("at", [QPoint(300, 250), QPoint(111, 77), QPoint(590, 490)])
def test_the_point_under_the_cursor_stays_while_zooming(canvas, at):
    before = canvas.viewport.to_image(QPointF(at))
    zooms = [canvas.zoom]
    for notches in (1, 1, 1, -1, 2, -5, 1):
        turn_wheel(canvas, at, notches, CTRL)
        zooms.append(canvas.zoom)
        after = canvas.viewport.to_image(QPointF(at))
        assert after == pytest.approx(before, abs=0.6 / canvas.zoom)
    assert zooms[0] < zooms[1] < zooms[2] < zooms[3] > zooms[4]
    assert zooms[-1] == pytest.approx(zooms[0])


def test_zoom_has_limits_and_is_told(canvas, qtbot):
    told = []
    canvas.zoom_changed.connect(told.append)
    canvas.zoom_to(1e9)
    assert told == [canvas.zoom] and canvas.zoom == 64
    canvas.zoom_to(0)
    assert canvas.zoom == 0.01


def test_the_wheel_scrolls_or_zooms_as_set(canvas):
    canvas.zoom_to(4)
    start = canvas.viewport
    turn_wheel(canvas, QPoint(300, 250), -1)
    assert (canvas.viewport.x, canvas.zoom) == (start.x, 4) and canvas.viewport.y < start.y
    turn_wheel(canvas, QPoint(300, 250), -1, SHIFT)
    assert canvas.viewport.x < start.x
    canvas.set_settings(replace(canvas.settings, wheel_zooms=True))
    turn_wheel(canvas, QPoint(300, 250), 1)
    assert canvas.zoom == 5


def test_panning_moves_by_whole_pixels_and_never_loses_the_image(canvas):
    canvas.zoom_to(2.37)
    before = canvas.viewport
    canvas.pan(10.4, -3.6)
    assert (canvas.viewport.x - before.x, canvas.viewport.y - before.y) == pytest.approx((10, -4))
    canvas.pan(1e6, 1e6)
    shown = canvas.viewport.rect_to_widget((0, 0, 400, 300))
    assert shown.left() < canvas.width() - 40 and shown.top() < canvas.height() - 40
    canvas.pan(-1e6, -1e6)
    shown = canvas.viewport.rect_to_widget((0, 0, 400, 300))
    assert shown.right() > 40 and shown.bottom() > 40


def test_middle_drag_pans(canvas, hand):
    canvas.zoom_to(3)
    before = canvas.viewport
    place = hand.place(200, 150)
    QTest.mousePress(canvas, MIDDLE, NOTHING, place)
    hand.drag_to(210, 160, button=MIDDLE)
    QTest.mouseRelease(canvas, MIDDLE, NOTHING, place)
    assert (canvas.viewport.x - before.x, canvas.viewport.y - before.y) == (30, 30)


def test_space_pans_while_drawing_and_reviews_otherwise(canvas, hand, editor):
    reviewed = []
    canvas.review_requested.connect(reviewed.append)
    hand.key(Qt.Key.Key_Space)
    assert len(reviewed) == 1

    canvas.set_tool("polygon")
    hand.click(50, 50)
    hand.click(150, 50)
    before = canvas.viewport
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    hand.drag((100, 100), (120, 110))
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert canvas.viewport.x > before.x and canvas.viewport.zoom == before.zoom
    hand.key(Qt.Key.Key_Space)  # not while something is half drawn
    assert len(reviewed) == 1
    hand.click(150, 150)
    hand.key(Qt.Key.Key_Return)
    (new,) = canvas.objects.values()
    assert len(new.geometry.polygons[0].outer) == 3, "panning set no point"


def test_space_and_drag_without_drawing_is_no_review(canvas, hand):
    reviewed = []
    canvas.review_requested.connect(reviewed.append)
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    hand.drag((100, 100), (120, 110))
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert reviewed == []


def test_the_cursor_is_told_in_image_pixels(canvas, hand):
    told = []
    canvas.cursor_moved.connect(told.append)
    hand.move(123, 45)
    assert told[-1] == pytest.approx((123, 45), abs=1)
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
    assert told[-1] is None


def test_a_preview_of_a_large_image_has_the_coordinates_of_the_original(canvas, hand):
    preview = QImage(200, 150, QImage.Format.Format_RGB32)
    preview.fill(0)
    canvas.set_image(preview, (4000, 3000))
    told = []
    canvas.cursor_moved.connect(told.append)
    hand.move(3900, 2900)
    assert told[-1] == pytest.approx((3900, 2900), abs=8)
    before = canvas.viewport
    whole = QImage(4000, 3000, QImage.Format.Format_RGB32)
    whole.fill(0x00FF00)
    canvas.replace_pixels(whole)
    assert canvas.viewport == before
    assert colour_at(canvas, 2000, 1500) == (0, 255, 0)


def test_brightness_and_contrast_change_the_image_alone(canvas, make):
    assert colour_at(canvas, 200, 150) == (0x60, 0x70, 0x80)
    canvas.set_objects([make.thing("a", make.square(10, 10, 60, 60))])
    outside, inside = colour_at(canvas, 200, 150), colour_at(canvas, 30, 30)
    canvas.set_settings(replace(canvas.settings, brightness=0.25))
    assert all(new - old > 0 for new, old in zip(colour_at(canvas, 200, 150), outside, strict=True))
    assert colour_at(canvas, 30, 30) != inside
    canvas.set_settings(replace(canvas.settings, brightness=0, contrast=0.5))
    assert colour_at(canvas, 200, 150)[0] < outside[0]
    canvas.set_settings(replace(canvas.settings, contrast=0))
    assert colour_at(canvas, 200, 150) == outside


def test_outline_only_and_opacity(canvas, make):
    canvas.set_objects([make.thing("a", make.square(100, 100, 200, 200))])
    image = colour_at(canvas, 10, 10)
    filled = colour_at(canvas, 150, 150)
    assert filled != image
    canvas.set_settings(replace(canvas.settings, opacity=0.9))
    assert colour_at(canvas, 150, 150)[0] > filled[0]
    canvas.set_settings(replace(canvas.settings, outline_only=True))
    assert colour_at(canvas, 150, 150) == image
    assert colour_at(canvas, 100, 150) != image


def test_without_an_image_nothing_can_be_drawn(canvas, hand, editor):
    canvas.set_image(None)
    canvas.set_tool("rectangle")
    hand.drag((0, 0), (50, 50))
    canvas.grab()
    assert editor.calls == []


def test_another_image_amid_a_gesture_ends_it(canvas, hand, editor):
    canvas.set_tool("brush")
    hand.press(100, 100)
    image = QImage(400, 300, QImage.Format.Format_RGB32)
    image.fill(0)
    canvas.set_image(image)
    hand.drag_to(200, 100)
    hand.release(200, 100)
    assert editor.calls == [] and not canvas.drawing


def test_keys_reach_shortcuts_of_the_window_unless_the_tool_needs_them(canvas, hand, make, qtbot):
    """Enter means "accept" to the window; while a polygon is drawn it closes that."""
    pressed = []
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Backspace, Qt.Key.Key_Left, Qt.Key.Key_Escape, Qt.Key.Key_X):
        shortcut = QShortcut(QKeySequence(key), canvas)
        shortcut.activated.connect(lambda key=key: pressed.append(key))
    hand.key(Qt.Key.Key_Return)
    hand.key(Qt.Key.Key_X)
    assert pressed == [Qt.Key.Key_Return, Qt.Key.Key_X]
    canvas.set_tool("polygon")
    for place in ((50, 50), (150, 50), (150, 150), (50, 150)):
        hand.click(*place)
    hand.key(Qt.Key.Key_Backspace)
    hand.key(Qt.Key.Key_Return)
    assert len(pressed) == 2 and len(canvas.objects) == 1
    canvas.set_tool("select")
    hand.key(Qt.Key.Key_Left)
    hand.key(Qt.Key.Key_Escape)
    assert len(pressed) == 2 and canvas.selection == ()
    hand.key(Qt.Key.Key_Escape)
    hand.key(Qt.Key.Key_Left)
    assert pressed[2:] == [Qt.Key.Key_Escape, Qt.Key.Key_Left]


def test_a_large_image_shown_small_is_averaged(canvas):
    """Fine stripes become grey, instead of whatever line happens to be hit."""
    pixels = np.zeros((2400, 3200, 3), np.uint8)
    pixels[::2] = 200
    image = QImage(pixels.data, 3200, 2400, 9600, QImage.Format.Format_RGB888)
    canvas.set_image(image.copy())
    assert canvas.zoom < 0.25
    shown = {colour_at(canvas, x, y)[0] for x, y in ((300, 300), (1601, 1203), (2903, 777), (99, 2001))}
    assert shown <= set(range(90, 111))


def test_selecting_in_a_list_brings_the_object_into_view(canvas, make):
    canvas.set_objects([make.thing("a", make.square(10, 10, 20, 20))])
    canvas.zoom_to(16)
    for _ in range(2):  # also when it is selected already
        canvas.center_on(390, 290)
        canvas.select(["a"], reveal=True)
        assert canvas.rect().contains(canvas.viewport.to_widget(15, 15).toPoint())
