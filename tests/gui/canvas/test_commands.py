from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QImage

from app.canvas.commands import SelectionCommands
from app.project.geometry import Geometry
from zsi_core.instances import rle
from zsi_core.instances.polygons import Part


@pytest.fixture
def commands(canvas):
    return SelectionCommands(canvas)


@pytest.fixture
def said(canvas):
    texts = []
    canvas.message.connect(texts.append)
    return texts


def test_merging_polygons(canvas, commands, make, editor):
    canvas.set_objects(
        [make.thing("a", make.square(10, 10, 60, 60)), make.thing("b", make.square(40, 10, 100, 60))]
    )
    canvas.select(["b", "a"])
    commands.merge()
    assert editor.calls == [("merge", ("b", "a"))]
    assert list(canvas.objects) == ["b"] and canvas.selection == ("b",)
    assert canvas.objects["b"].geometry.area == 90 * 50
    assert len(canvas.objects["b"].geometry.polygons) == 1


def test_merging_with_a_mask_keeps_its_pixels(canvas, commands, make):
    canvas.set_objects(
        [make.thing("a", make.square(10, 10, 60, 60)), make.thing("m", make.mask(50, 50, 80, 80))]
    )
    canvas.select(["a", "m"])
    commands.merge()
    mask = rle.decode(canvas.objects["a"].geometry.mask)
    assert mask[50:80, 50:80].all() and mask.sum() == 50 * 50 + 30 * 30 - 10 * 10


@pytest.mark.parametrize("kind", ["polygons", "mask"])
def test_splitting_into_parts(canvas, commands, make, editor, kind):
    parts = [*make.square(10, 10, 30, 30).polygons, *make.square(50, 50, 150, 150).polygons]
    geometry = Geometry.from_parts(parts)
    if kind == "mask":
        geometry = Geometry.from_mask(geometry.to_mask((300, 400)))
    canvas.set_objects([make.thing("a", geometry)])
    canvas.select(["a"])
    commands.split()
    assert editor.calls == [("split", "a", 2)]
    assert canvas.selection == ("a", "new1")
    assert [o.geometry.area for o in canvas.objects.values()] == [10_000, 400]
    assert all((o.geometry.mask is not None) == (kind == "mask") for o in canvas.objects.values())


@pytest.mark.parametrize("kind", ["polygons", "mask"])
def test_filling_holes(canvas, commands, make, editor, said, kind):
    outer, hole = (make.square(*box).polygons[0].outer for box in ((50, 50, 150, 150), (80, 80, 90, 90)))
    geometry = Geometry.from_parts([Part(outer, (hole,))])
    if kind == "mask":
        geometry = Geometry.from_mask(geometry.to_mask((300, 400)))
    canvas.set_objects([make.thing("a", geometry)])
    canvas.select(["a"])
    commands.fill_holes()
    assert canvas.objects["a"].geometry.area == 10_000
    commands.fill_holes()
    assert editor.calls == [("replace", "fill_holes", ("a",))] and "no holes" in said[-1]


def test_simplifying_is_shown_first(canvas, commands, editor, make):
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = Part(np.stack([200 + 80 * np.cos(angles), 150 + 80 * np.sin(angles)], axis=1))
    canvas.set_objects([make.thing("a", Geometry.from_parts([circle]))])
    canvas.select(["a"])
    counts = [commands.preview_simplify(tolerance) for tolerance in (0.1, 1.0, 5.0)]
    assert 200 > counts[0] > counts[1] > counts[2] >= 3
    assert editor.calls == []
    commands.cancel_simplify()
    assert len(canvas.objects["a"].geometry.polygons[0].outer) == 200
    commands.preview_simplify(1.0)
    commands.apply_simplify(1.0)
    assert editor.calls == [("replace", "simplify", ("a",))]
    assert len(canvas.objects["a"].geometry.polygons[0].outer) == counts[1]


def test_copies_are_put_aside_only_where_they_would_hide(canvas, commands, make, editor):
    canvas.set_objects([make.thing("a", make.square(50, 50, 150, 150))])
    canvas.select(["a"])
    commands.copy()
    commands.paste()
    assert canvas.selection == ("new1",) and canvas.objects["new1"].geometry.box[0] > 50
    canvas.remove_objects(["a", "new1"])
    commands.paste()
    assert canvas.objects["new2"].geometry.box == (50, 50, 150, 150)


def test_a_copy_in_the_corner_stays_in_the_image(canvas, commands, make):
    canvas.set_objects([make.thing("a", make.square(300, 200, 400, 300))])
    canvas.select(["a"])
    commands.duplicate()
    x1, y1, x2, y2 = canvas.objects["new1"].geometry.box
    assert x2 < 400 and y2 < 300 and (x2 - x1, y2 - y1) == (100, 100)


def test_pasting_into_a_smaller_image(canvas, commands, make, said):
    canvas.set_objects(
        [make.thing("p", make.square(50, 50, 150, 150)), make.thing("m", make.mask(300, 200, 350, 250))]
    )
    canvas.select_all()
    commands.copy()
    image = QImage(100, 80, QImage.Format.Format_RGB32)
    image.fill(0)
    canvas.set_image(image)
    commands.paste()
    assert [o.geometry.box for o in canvas.objects.values()] == [(50, 50, 100, 80)]
    assert "1 of 2" in said[-1]


def test_nudging_stops_at_the_border(canvas, commands, make, editor):
    canvas.set_objects([make.thing("a", make.square(5, 50, 100, 100))])
    canvas.select(["a"])
    commands.nudge(-10, 0)
    commands.nudge(-10, 0)
    assert canvas.objects["a"].geometry.box == (0, 50, 95, 100)
    assert len(editor.calls) == 1


def test_what_cannot_be_done_is_said(canvas, commands, make, editor, said):
    for command in (commands.delete, commands.merge, commands.split, commands.fill_holes, commands.paste):
        command()
    canvas.set_objects([make.thing("l", make.square(5, 50, 100, 100), locked=True)])
    canvas.select(["l"])
    commands.delete()
    commands.apply_simplify(2.0)
    assert len(said) >= 6 and "locked" in said[-1]
    assert editor.calls == [] and "l" in canvas.objects


def test_deleting(canvas, commands, make, editor):
    canvas.set_objects([make.thing(u, make.square(5, 50, 100, 100), locked=u == "c") for u in "abc"])
    canvas.select_all()
    commands.delete()
    assert editor.calls == [("delete", ("a", "b"))] and canvas.selection == ("c",)
