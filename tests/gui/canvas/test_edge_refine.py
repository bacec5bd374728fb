from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from app.project.geometry import Geometry
from zsi_core.instances import rle


@pytest.fixture
def disc(canvas, make):
    """A bright disc on a dark ground with some noise, and an object that is too large for it."""
    y, x = np.mgrid[:300, :400]
    truth = np.hypot(x - 200, y - 150) < 60
    noise = np.random.default_rng(0).integers(0, 30, (300, 400, 3))
    pixels = (np.where(truth[..., None], (200, 170, 60), (30, 60, 50)) + noise).astype(np.uint8)
    canvas.set_image(QImage(pixels.data, 400, 300, 1200, QImage.Format.Format_RGB888).copy())
    rough = np.hypot(x - 202, y - 148) < 65
    canvas.set_objects([make.thing("disc", Geometry.from_mask(rle.encode(rough)))])
    canvas.set_tool("edge_refine")
    return truth


def overlap(canvas, truth):
    return rle.iou([canvas.objects["disc"].geometry.mask], [rle.encode(truth)])[0, 0]


def test_the_edge_moves_to_that_of_the_picture(canvas, hand, disc, editor, qtbot):
    before = overlap(canvas, disc)
    hand.click(200, 150)
    assert canvas.active_tool.running and editor.calls == []
    qtbot.waitUntil(lambda: editor.calls != [], timeout=20_000)
    assert editor.calls == [("replace", "edge_refine", ("disc",))]
    assert overlap(canvas, disc) > 0.98 > before
    assert not canvas.active_tool.running


def test_what_was_changed_meanwhile_stays(canvas, hand, disc, make, editor, qtbot):
    hand.click(200, 150)
    canvas.update_objects([make.thing("disc", make.mask(100, 100, 200, 200))])
    qtbot.waitUntil(lambda: not canvas.active_tool.running, timeout=20_000)
    assert editor.calls == [] and canvas.objects["disc"].geometry.area == 10_000


def test_escape_calls_it_off(canvas, hand, disc, editor, qtbot):
    from app.jobs import wait_for_tasks

    hand.click(200, 150)
    hand.key(Qt.Key.Key_Escape)
    assert not canvas.active_tool.running
    wait_for_tasks()
    qtbot.wait(20)
    assert editor.calls == []


def test_it_needs_one_unlocked_object(canvas, hand, disc, make):
    said = []
    canvas.message.connect(said.append)
    canvas.update_objects([make.thing("disc", make.mask(100, 100, 200, 200), locked=True)])
    hand.click(150, 150)
    canvas.select(())
    canvas.active_tool.start()
    assert "locked" in said[0] and "Select one" in said[1]
