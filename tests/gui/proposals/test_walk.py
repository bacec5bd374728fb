"""What an annotator does in an hour, in one go: propose, accept, correct, reject, undo, redo, next image,
export, open again. The same while the engine is killed in the middle, and with the starter model.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from app.exchange.coco_export import export_coco
from app.exchange.options import ExportOptions
from app.exchange.outgoing import Outgoing
from app.project import Project
from tests.gui.conftest import Hand, settle
from zsi_core.coco.tally import Tally
from zsi_core.engine.requests import CheckHealth

Disturb = Callable[[], None]


def kill(hand: Hand) -> None:
    """As the system does when memory runs out."""
    health = hand.window.link.ask(CheckHealth())
    hand.bot.waitUntil(health.done, timeout=240_000)
    os.kill(health.result().process, signal.SIGKILL)


def answered(hand: Hand) -> None:
    hand.bot.waitUntil(lambda: not hand.window.proposals.busy, timeout=240_000)


def walk(hand: Hand, folder: Path, disturb: Disturb, other: str = "fork") -> None:
    window, first = hand.window, hand.image_name
    bar, review = window.assistant.bar, window.reviewing.review

    # Type two names.
    hand.key("/", on=window.canvas)
    disturb()
    hand.type("cat", bar.input)
    hand.key(Qt.Key.Key_Return)
    answered(hand)
    hand.key("/")
    hand.type(other, bar.input)
    hand.key(Qt.Key.Key_Return)
    answered(hand)
    classes = [chip.class_id for chip in window.proposals.prompt.chips]
    for class_id in classes:  # whatever the model is sure of: three at least are needed
        while (
            window.proposals.number(class_id) < 2
            and window.proposals.thresholds.of(class_id) > window.proposals.thresholds.lowest
        ):
            window.proposals.step_threshold(-1, [class_id])
    assert len(review.waiting) >= 3

    # Accept the best one, correct the next with the brush, reject the one after.
    assert window.canvas.hasFocus()
    accepted = review.current
    assert accepted is not None
    hand.key(Qt.Key.Key_Space)
    disturb()
    corrected = review.current
    assert corrected is not None
    window.canvas.select([corrected.uuid])
    hand.key("b")
    x1, _, x2, y2 = corrected.geometry.box
    hand.drag(((x1 + x2) / 2, y2 - 2), ((x1 + x2) / 2 + 5, min(y2 + 12, window.canvas.image_size[1] - 1)))
    hand.key("v")
    rejected = next(record for record in review.waiting if record.uuid != corrected.uuid)
    window.canvas.select([rejected.uuid])
    hand.key("x")
    states = {record.uuid: record.state for record in hand.objects()}
    assert states[accepted.uuid] == "accepted"
    assert states[corrected.uuid] == "corrected"
    assert states[rejected.uuid] == "rejected"

    # All the way back, and forth again.
    after, steps = hand.snapshot(), 0
    while window.session.labels()[0]:
        hand.key("z", Qt.KeyboardModifier.ControlModifier)
        settle()
        steps += 1
    assert hand.objects() == []
    for _ in range(steps):
        hand.key("z", Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        settle()
    assert hand.snapshot() == after

    # The next image, which is asked about by itself; back on the first, nothing comes again.
    disturb()
    hand.key("d")
    hand.wait(lambda: hand.image_name != first)
    answered(hand)
    hand.key("a")
    hand.wait(lambda: hand.image_name == first)
    answered(hand)
    assert [record for record in hand.snapshot()[1] if record in after[1]] == after[1]  # type: ignore[operator, attr-defined]

    # Export, and open again.
    path = hand.project.path
    made = folder / "out.json"
    outgoing = Outgoing(hand.project, ExportOptions(), Tally())
    export_coco(outgoing, made, split=False, copy_images=False)
    annotations = json.loads(made.read_text(encoding="utf-8"))["annotations"]
    by_uuid = {annotation["zsi"]["uuid"]: annotation["zsi"] for annotation in annotations}
    assert by_uuid[accepted.uuid]["made_by"]["name"] in ("cat", other)
    assert by_uuid[corrected.uuid]["edits"][0]["tool"] == "brush"
    assert rejected.uuid not in by_uuid
    window.session.close()
    with Project.open(path) as again:
        kept = {record.uuid: record.state for image in again.image_ids() for record in again.objects(image)}
    assert {uuid: kept[uuid] for uuid in (accepted.uuid, corrected.uuid, rejected.uuid)} == {
        accepted.uuid: "accepted",
        corrected.uuid: "corrected",
        rejected.uuid: "rejected",
    }


def test_an_annotators_walk(seer: Hand, tmp_path: Path) -> None:
    walk(seer, tmp_path, lambda: None)


def test_the_walk_while_the_engine_is_killed_again_and_again(mortal: Hand, tmp_path: Path) -> None:
    walk(mortal, tmp_path, lambda: kill(mortal))


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_an_annotators_walk_with_the_starter_model(assisted: Hand, tmp_path: Path, killed: bool) -> None:
    walk(assisted, tmp_path, (lambda: kill(assisted)) if killed else (lambda: None), "remote control")
