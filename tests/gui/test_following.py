"""The window follows a change by what was touched: it does not read again what stayed as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.project import Geometry, ObjectRecord, queries
from app.project.commands import AddClass, AddObjects, DeleteObjects, Reorder, SetGeometry, SetState
from tests.gui.conftest import Hand, settle
from zsi_core.instances.polygons import Part

OBJECTS = 60


def square(x: float, y: float) -> Geometry:
    return Geometry.from_parts([Part(np.array([[x, y], [x + 20, y], [x + 20, y + 20], [x, y + 20]]))])


@pytest.fixture
def crowded(drawing: Hand) -> Hand:
    """The first picture has many objects of two classes."""
    for name in ("cat", "dog"):
        drawing.window.session.do(AddClass(name))
    image_id = drawing.window.session.image_id
    assert image_id is not None
    drawing.window.session.do(
        AddObjects(
            [
                ObjectRecord.drawn(image_id, 1 + n % 2, square(4 * n, 10 + n % 7 * 30), "polygon")
                for n in range(OBJECTS)
            ]
        )
    )
    canvas = drawing.window.canvas
    canvas.repaint()
    drawing.wait(lambda: canvas.object_layer.complete)
    return drawing


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many rows of each table were made records."""
    counts: Counter[str] = Counter()

    def counted(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any) -> Any:
            counts[name] += 1
            return make(*arguments)

        return counting

    for name in ("object_record", "image_record", "class_record"):
        monkeypatch.setattr(queries, name, counted(name, getattr(queries, name)))
    return counts


def assert_shown_as_stored(hand: Hand) -> None:
    settle()
    window = hand.window
    stored = [record.uuid for record in hand.objects()]
    visible = [record.uuid for record in hand.objects() if record.state != "rejected"]
    assert [item.object.uuid for item in window.canvas.scene] == stored
    assert [item.object.uuid for item in window.canvas.scene.shown()] == visible
    assert [record.uuid for record in window.objects.model.records] == visible[::-1]


def test_an_edit_reads_one_object_again(crowded: Hand, rows_read: Counter[str]) -> None:
    uuid = crowded.objects()[OBJECTS // 2].uuid
    rebuilds = crowded.window.canvas.object_layer.rebuilds
    rows_read.clear()
    crowded.window.session.do(SetGeometry({uuid: square(100, 100)}, "move"))
    crowded.window.grab()
    assert rows_read == {"object_record": 1, "image_record": 1}
    assert crowded.window.canvas.object_layer.rebuilds == rebuilds
    assert crowded.window.canvas.objects[uuid].geometry.box == (100, 100, 120, 120)
    assert crowded.window.session.objects[uuid].geometry.box == (100, 100, 120, 120)
    assert [item.object.uuid for item in crowded.window.canvas.scene.at(110, 110)].count(uuid) == 1


def test_undo_of_a_deletion_puts_objects_between_the_others(crowded: Hand, rows_read: Counter[str]) -> None:
    uuids = [record.uuid for record in crowded.objects()]
    rebuilds = crowded.window.canvas.object_layer.rebuilds
    crowded.window.session.do(DeleteObjects([uuids[3], uuids[40]]))
    assert_shown_as_stored(crowded)
    rows_read.clear()
    crowded.window.session.undo()
    assert rows_read["object_record"] == 2
    assert crowded.window.canvas.object_layer.rebuilds == rebuilds
    assert list(crowded.window.canvas.objects) == uuids
    assert_shown_as_stored(crowded)


def test_selecting_reads_nothing(crowded: Hand, rows_read: Counter[str]) -> None:
    rows_read.clear()
    crowded.window.canvas.select([crowded.objects()[5].uuid])
    rows_read.clear()
    crowded.window.canvas.select(list(crowded.window.session.objects)[7:9])
    crowded.window.grab()
    assert not rows_read


def test_lists_and_canvas_follow_the_drawing_order(crowded: Hand) -> None:
    session = crowded.window.session
    assert session.image_id is not None
    turned = [record.uuid for record in crowded.objects()][::-1]
    session.do(Reorder(session.image_id, turned))
    assert list(crowded.window.canvas.objects) == turned
    assert_shown_as_stored(crowded)


def test_an_image_is_read_as_a_whole_after_a_large_change(crowded: Hand) -> None:
    session = crowded.window.session
    assert session.image_id is not None
    new = [ObjectRecord.drawn(session.image_id, 1, square(n, 50), "polygon") for n in range(150)]
    session.do(AddObjects(new))
    assert len(session.objects) == OBJECTS + 150
    assert_shown_as_stored(crowded)
    session.undo()
    assert len(session.objects) == OBJECTS
    assert_shown_as_stored(crowded)


def test_a_rejected_proposal_leaves_the_list(crowded: Hand) -> None:
    session = crowded.window.session
    assert session.image_id is not None
    provenance = {"state": "proposed", "made_by": {"model": "m", "score": 0.5}, "edits": [], "created": ""}
    proposal = ObjectRecord.of_provenance(session.image_id, 1, square(0, 0), provenance)
    session.do(AddObjects([proposal]))
    settle()
    session.do(SetState([proposal.uuid], "rejected"))
    settle()
    assert crowded.window.objects.model.row_of(proposal.uuid) is None
    assert_shown_as_stored(crowded)
    session.do(SetState([proposal.uuid], "proposed"))
    settle()
    assert crowded.window.objects.model.row_of(proposal.uuid) == 0
    assert_shown_as_stored(crowded)
