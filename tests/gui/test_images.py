"""Going from image to image: keys, search, reading ahead, and images that cannot be shown."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt, QTimer

from app import image_loading
from app.folder_scan import scan
from app.image_loading import ImageLoader, LoadedImage
from app.jobs import Task
from app.project import ImageFilter
from app.project.commands import AddImages
from tests.gui.conftest import Hand, make_image, settle
from zsi_core import images

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def listed(hand: Hand) -> list[str]:
    model = hand.window.images.model
    return [str(model.index(row).data()) for row in range(model.rowCount())]


def test_keys_go_from_image_to_image(drawing: Hand) -> None:
    for key, modifier, name, place in (
        ("d", Qt.KeyboardModifier.NoModifier, "a2.png", 2),
        ("d", Qt.KeyboardModifier.NoModifier, "more/a10.png", 3),
        ("a", Qt.KeyboardModifier.NoModifier, "a2.png", 2),
        ("a", SHIFT, "a1.png", 1),
    ):
        drawing.key(key, modifier)
        drawing.wait(lambda name=name: drawing.image_name == name)
        assert drawing.window.windowTitle() == f"{name} ({place} / 3)"
        assert drawing.window.images.list.currentIndex().data() == name
    drawing.key("a")
    assert "first image" in drawing.window.status.currentMessage()


def test_finished_images_are_passed_over(drawing: Hand) -> None:
    drawing.key("d")
    drawing.wait(lambda: drawing.image_name == "a2.png")
    drawing.key(Qt.Key.Key_Return, CTRL)
    drawing.wait(lambda: drawing.image_name == "more/a10.png")
    drawing.key("a", SHIFT)
    drawing.wait(lambda: drawing.image_name == "a1.png")
    settle()
    assert "1 finished" in drawing.window.images.status.text()
    status = drawing.window.status
    drawing.key("a", SHIFT)
    assert status.currentMessage() == (
        "No unfinished image of the list comes before this one; the project has 2 in all"
    )
    for name in ("more/a10.png", "more/a10.png"):  # the second one has none behind it
        drawing.key(Qt.Key.Key_Return, CTRL)
        drawing.wait(lambda name=name: drawing.image_name == name)
    assert status.currentMessage() == "All images are finished"


def test_each_image_shows_its_own_objects(drawing: Hand) -> None:
    drawing.key("r", SHIFT)
    drawing.drag((20, 20), (90, 90))
    assert len(drawing.window.objects.records) == 1
    drawing.key("d")
    drawing.wait(lambda: drawing.image_name == "a2.png")
    assert drawing.window.objects.model.rowCount() == 0
    assert dict(drawing.window.canvas.objects) == {}
    drawing.key("a")
    drawing.wait(lambda: drawing.image_name == "a1.png")
    assert len(drawing.window.canvas.objects) == drawing.window.objects.model.rowCount() == 1


def test_single_keys_write_in_a_line_instead_of_acting(drawing: Hand) -> None:
    drawing.type("dab 1", drawing.window.classes.input)
    assert drawing.image_name == "a1.png"
    assert drawing.window.classes.input.text() == "dab 1"
    assert drawing.window.canvas.tool == "select"


def test_search_by_name_class_and_state(drawing: Hand) -> None:
    drawing.type("hair drier", drawing.window.classes.input)
    drawing.key(Qt.Key.Key_Return)
    drawing.window.canvas.setFocus()
    drawing.key("r", SHIFT)
    drawing.drag((20, 20), (90, 90))
    drawing.key("l", CTRL)
    search = drawing.window.images.search
    assert search.hasFocus()
    for text, names in (
        ("A2", ["a2.png"]),
        ('class:"hair drier"', ["a1.png"]),
        ("state:new", ["a2.png", "more/a10.png"]),
        ("state:started a1", ["a1.png"]),
        ("nothing like it", []),
    ):
        search.clear()
        drawing.type(text, search)
        drawing.wait(lambda names=names: listed(drawing) == names)
    assert drawing.image_name == "a1.png", "the image in view stays"
    search.clear()
    drawing.type("state:lost", search)
    drawing.wait(lambda: "lost" in drawing.window.images.status.text())
    search.clear()
    drawing.wait(lambda: len(listed(drawing)) == 3)
    assert drawing.window.windowTitle() == "a1.png (1 / 3)"


def test_a_broken_image_is_told_and_the_last_good_one_stays(hand: Hand, photos: Path) -> None:
    (photos / "a2.png").write_bytes(b"\x89PNG no more")
    hand.open(photos)
    window = hand.window
    window.canvas.setFocus()
    hand.key("d")
    hand.wait(hand.messages)
    assert "a2.png" in hand.messages()[0]
    assert hand.image_name == "a1.png"
    assert window.windowTitle() == "a1.png (1 / 3)"
    assert window.images.list.currentIndex().data() == "a1.png"
    hand.wait(
        lambda: (
            window.images.model.index(1).data(Qt.ItemDataRole.AccessibleTextRole).endswith("cannot be read")
        )
    )
    hand.key("d")
    hand.wait(lambda: hand.image_name == "more/a10.png")
    make_image(photos / "a2.png", seed=7)
    hand.key("a")
    hand.wait(lambda: hand.image_name == "a2.png")


def test_an_image_that_changed_on_disk(drawing: Hand, photos: Path) -> None:
    drawing.key("d")
    drawing.wait(lambda: drawing.image_name == "a2.png")
    make_image(photos / "a1.png", size=(100, 80))
    drawing.key("a")
    drawing.wait(lambda: drawing.image_name == "a1.png")
    assert "a1.png changed on disk: it was 320 x 240 pixels and is now 100 x 80" in drawing.messages()[0]
    assert drawing.window.canvas.image_size == (100, 80)


def test_size_and_rotation_come_into_the_project(hand: Hand, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "p").mkdir()
    Image.new("RGB", (60, 40)).save(tmp_path / "p" / "turned.jpg", exif=exif)
    Image.fromarray(np.arange(40 * 60, dtype=np.uint16).reshape(40, 60) * 20).save(
        tmp_path / "p" / "wide.png"
    )
    hand.open(tmp_path / "p")
    assert hand.project.image(hand.window.session.image_id or 0).size == (60, 40)
    assert hand.window.status.image_size.text() == "40 x 60 px"
    hand.go_to("wide.png")
    shown = hand.window.canvas.pictures.pixels
    assert shown is not None
    assert shown.pixelColor(0, 0).red() < 10
    assert shown.pixelColor(59, 39).red() > 245, "16 bits are stretched to what the screen shows"


def test_neighbours_are_read_ahead_within_a_budget(qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    paths = [make_image(tmp_path / f"{number}.png", (100, 100), number) for number in range(6)]
    one = 100 * 100 * 4
    loader = ImageLoader(budget_bytes=3 * one)
    shown: list[LoadedImage] = []
    loader.loaded.connect(shown.append)
    loader.request(paths[0], paths[1:3])
    qtbot.waitUntil(lambda: len(loader.cached) == 3)
    assert len(shown) == 1
    loader.request(paths[1], [paths[2], paths[0]])
    assert [image.path for image in shown] == paths[:2], "at once: it was ready"
    loader.request(paths[4], [paths[5]])
    qtbot.waitUntil(lambda: paths[5] in loader.cached)
    assert len(loader.cached) == 3
    assert paths[4] in loader.cached
    loader.forget()


def test_a_request_makes_earlier_ones_void(qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    paths = [make_image(tmp_path / f"{number}.png", seed=number) for number in range(5)]
    loader = ImageLoader(10_000_000)
    shown: list[LoadedImage] = []
    loader.loaded.connect(shown.append)
    for path in paths:
        loader.request(path)
    qtbot.waitUntil(lambda: bool(shown))
    assert [image.path for image in shown] == paths[-1:]


def test_a_changed_file_is_read_again(qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = make_image(tmp_path / "a.png", (50, 50))
    loader = ImageLoader(10_000_000)
    shown: list[LoadedImage] = []
    loader.loaded.connect(shown.append)
    loader.request(path)
    qtbot.waitUntil(lambda: len(shown) == 1)
    make_image(path, (70, 50))
    loader.request(path)
    qtbot.waitUntil(lambda: len(shown) == 2)
    assert shown[1].size == (70, 50)


def test_a_slow_image_is_announced_and_the_former_one_stays(
    drawing: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, go_on = drawing.window, threading.Event()
    read = images.read_image
    window.loader.forget()
    monkeypatch.setattr(images, "read_image", lambda path: go_on.wait(20) and read(path))
    drawing.key("d")
    assert not window.loading.isVisible(), "what comes at once is not announced"
    drawing.wait(window.loading.isVisible)
    assert window.loading.text() == "Reading a2.png …" and drawing.image_name == "a1.png"
    assert window.pages.geometry().contains(window.loading.geometry())
    go_on.set()
    drawing.wait(lambda: drawing.image_name == "a2.png")
    assert not window.loading.isVisible()
    drawing.key("a")
    drawing.wait(lambda: drawing.image_name == "a1.png")
    timers = [timer for timer in window.loading.findChildren(QTimer) if timer.isActive()]
    assert not window.loading.isVisible() and timers == []


def test_a_very_large_image_shows_a_preview_first(
    hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_loading, "PREVIEW_ABOVE_PIXELS", 1_000_000)
    monkeypatch.setattr(image_loading, "PREVIEW_SIDE", 400)
    make_image(tmp_path / "p" / "large.png", (2000, 1000))
    shown: list[LoadedImage] = []
    hand.window.loader.loaded.connect(shown.append)
    hand.open(tmp_path / "p")
    hand.wait(lambda: len(shown) == 2)
    assert [(image.preview, image.image.width(), image.size) for image in shown] == [
        (True, 400, (2000, 1000)),
        (False, 2000, (2000, 1000)),
    ]
    assert hand.window.canvas.image_size == (2000, 1000)


def test_a_folder_is_reported_in_batches_in_order(tmp_path: Path) -> None:
    for number in range(1300):
        (tmp_path / f"{number}.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / ".hidden.jpg").write_bytes(b"")
    batches: list[list[Path]] = []

    class Recorder(Task):
        def report(self, value: list[Path]) -> None:  # type: ignore[override]
            batches.append(value)

    result = scan(Recorder(), [tmp_path])
    assert [path.name for batch in batches for path in batch] == [f"{number}.jpg" for number in range(1300)]
    assert len(batches[0]) == 100
    assert len(batches) > 3
    assert result.found == 1300


def test_thousands_of_images_need_few_records(hand: Hand, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(1200):
        (folder / f"{number}.jpg").write_bytes(b"")
    hand.window.open_paths([folder])
    hand.wait(lambda: hand.window.images.model.rowCount() == 1200)
    asked: list[int] = []
    project = hand.project
    images = project.images
    project.images = lambda ids: asked.extend(ids) or images(ids)  # type: ignore[method-assign]
    hand.window.images.model.set_filter(ImageFilter())
    hand.window.images.list.scrollTo(hand.window.images.model.index(600))
    hand.window.images.list.grab()
    assert 0 < len(asked) <= 300
    asked.clear()
    hand.window.navigator.start("1199.jpg")
    assert hand.window.navigator.wanted == hand.window.images.model.ids[-1]
    assert len(asked) <= 201, "the image of last time is not searched row by row"


def test_images_that_come_behind_the_others_do_not_disturb_the_list(drawing: Hand, photos: Path) -> None:
    session, model = drawing.window.session, drawing.window.images.model
    lists: list[int | None] = []
    image_ids = drawing.project.image_ids
    drawing.project.image_ids = (  # type: ignore[method-assign]
        lambda *given, after=None: lists.append(after) or image_ids(*given, after=after)
    )
    resets: list[bool] = []
    model.modelReset.connect(lambda: resets.append(True))
    last = model.ids[-1]
    session.do(AddImages([photos / "z1.png", photos / "z2.png"]))
    assert listed(drawing) == ["a1.png", "a2.png", "more/a10.png", "z1.png", "z2.png"]
    assert (lists, resets) == ([last], []), "only what is new was asked for"
    session.do(AddImages([photos / "z3.png", photos / "b.png"]))
    assert listed(drawing) == ["a1.png", "a2.png", "b.png", "more/a10.png", "z1.png", "z2.png", "z3.png"]
    assert resets == [True]
    assert [model.row_of(image_id) for image_id in model.ids] == list(range(7))


def test_thumbnails_are_made_for_what_is_seen(hand: Hand, tmp_path: Path) -> None:
    for number in range(40):
        make_image(tmp_path / "p" / f"{number}.png", (64, 48), number)
    hand.open(tmp_path / "p")
    thumbnails = hand.window.images.thumbnails
    hand.wait(lambda: thumbnails.pixmap(tmp_path / "p" / "0.png") is not None)
    assert thumbnails.pixmap(tmp_path / "p" / "39.png") is None
