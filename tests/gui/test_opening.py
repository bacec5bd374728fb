"""Folders, files, projects and the demo, opened as people do; and everything that can be wrong with them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMenu

from app import main_window, startup
from app.errors import CrashFile
from app.project import Project, project_path, store
from app.project.commands import AddClass, AddImages, NewImage
from app.project.schema import SCHEMA_VERSION, migrate
from tests.gui.conftest import Hand, make_image

ROOT = Path(__file__).parents[2]
NAMES = ["a1.png", "a2.png", "more/a10.png"]


def listed(hand: Hand) -> list[str]:
    model = hand.window.images.model
    return [str(model.index(row).data()) for row in range(model.rowCount())]


def drop(hand: Hand, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where, action = QPointF(600, 400), Qt.DropAction.CopyAction
    button, modifier = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(where.toPoint(), action, data, button, modifier)
    hand.window.dragEnterEvent(enter)
    assert enter.isAccepted()
    hand.window.dropEvent(QDropEvent(where, action, data, button, modifier))


def test_a_folder_with_its_sub_folders(hand: Hand, photos: Path) -> None:
    assert hand.window.pages.currentWidget() is hand.window.empty
    hand.open(photos)
    assert listed(hand) == NAMES
    assert hand.window.windowTitle() == "a1.png (1 / 3)"
    assert hand.window.pages.currentWidget() is hand.window.canvas
    assert hand.window.canvas.image_size == (320, 240)
    assert hand.project.path.parent == photos


def test_dropped_folder_and_then_dropped_files(hand: Hand, photos: Path, tmp_path: Path) -> None:
    drop(hand, photos)
    hand.wait(lambda: hand.image_name == "a1.png" and not hand.window.jobs.running)
    other = make_image(tmp_path / "other" / "ä ö.png")
    drop(hand, other)
    hand.wait(lambda: len(listed(hand)) == 4 and not hand.window.jobs.running)
    assert str(other) in listed(hand)


def test_opening_a_changed_project_backs_it_up_once(hand: Hand, photos: Path) -> None:
    hand.open(photos)
    path = hand.project.path
    backup = path.with_name(path.name + ".bak")
    hand.window.session.close()
    assert not backup.exists()  # there was nothing to lose when the folder was opened
    hand.open(path)
    with Project.open(backup) as saved:
        assert [image.name for image in saved.images(saved.image_ids())] == NAMES
    hand.window.session.close()
    written = backup.stat().st_mtime_ns
    hand.open(path)
    assert backup.stat().st_mtime_ns == written
    hand.window.session.do(AddClass("cat"))
    hand.window.session.close()
    hand.open(path)
    with Project.open(backup) as saved:
        assert [record.name for record in saved.classes()] == ["cat"]


def make_outdated(project: Path) -> None:
    """As version 1 wrote it, which did not know when a person had decided."""
    with closing(sqlite3.connect(project)) as connection:
        connection.execute("ALTER TABLE objects DROP COLUMN decided")
        connection.execute("PRAGMA user_version = 1")


def test_a_project_of_an_older_version_is_brought_up_to_date_in_the_background(
    hand: Hand, photos: Path, migrated_in: list[threading.Thread]
) -> None:
    path = project_path(photos)
    with Project.create(path, photos) as project:
        project.do(AddClass("cat"))
    make_outdated(path)
    hand.window.open_paths([photos])
    assert hand.window.session.project is None
    hand.wait(lambda: hand.image_name == "a1.png" and not hand.window.jobs.running)
    assert [record.name for record in hand.project.classes()] == ["cat"] and hand.window.session.writable
    job = hand.window.jobs.jobs[0]
    assert job.title == "Bringing photos.zsip up to date"
    assert job.message == "As it was, it is kept in photos.zsip.bak"
    assert migrated_in and threading.main_thread() not in migrated_in


def test_a_project_opened_meanwhile_stays_open(hand: Hand, photos: Path, tmp_path: Path) -> None:
    path, other = project_path(photos), tmp_path / "other"
    Project.create(path, photos).close()
    make_outdated(path)
    make_image(other / "b.png")
    hand.window.open_paths([path])
    hand.open(other)
    hand.wait(lambda: not hand.window.jobs.running)
    assert hand.project.path == project_path(other)


@pytest.fixture
def migrated_in(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """Threads that brought projects up to date."""
    threads: list[threading.Thread] = []

    def noted(connection: sqlite3.Connection, version: int) -> None:
        if version < SCHEMA_VERSION:
            threads.append(threading.current_thread())
        migrate(connection, version)

    monkeypatch.setattr(store, "migrate", noted)
    return threads


def test_a_project_that_is_opened_again_at_once_has_one_backup_under_way(hand: Hand, photos: Path) -> None:
    hand.open(photos)
    path = hand.project.path
    hand.window.opener.open_project(path)
    hand.window.opener.open_project(path)
    backups = [job.title for job in hand.window.jobs.jobs if job.title.startswith("Backing up")]
    assert backups == [f"Backing up {path.name}"]
    hand.wait(lambda: not hand.window.jobs.running)


def test_the_size_of_a_file_is_noted_when_it_is_first_shown(hand: Hand, photos: Path) -> None:
    path = project_path(photos)
    with Project.create(path, photos) as project:
        project.do(AddImages([NewImage(photos / "a1.png", 320, 240)]))
    hand.open(path)
    image = hand.window.session.image
    assert image is not None and image.file_size == (photos / "a1.png").stat().st_size
    assert hand.messages() == []


def test_opening_does_not_style_the_window_anew(
    hand: Hand, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    styled: list[str] = []
    style = main_window.apply_theme
    monkeypatch.setattr(main_window, "apply_theme", lambda *args: styled.append(args[1]) or style(*args))
    hand.open(photos)
    assert styled == []
    hand.window.settings.set_value("theme", "dark")
    assert styled == ["dark"]


def test_files_alone_open_only_themselves(hand: Hand, photos: Path) -> None:
    hand.open(photos / "a1.png", photos / "more" / "a10.png")
    assert listed(hand) == ["a1.png", "more/a10.png"]


def test_what_cannot_be_opened_is_told_and_nothing_changes(hand: Hand, photos: Path, tmp_path: Path) -> None:
    hand.open(photos)
    text = tmp_path / "notes.txt"
    text.write_text("no image")
    drop(hand, text)
    assert "notes.txt is neither an image, a folder nor a project" in hand.messages()[0]
    assert "File, Import annotations" in hand.messages()[0]
    broken = tmp_path / "broken.zsip"
    broken.write_bytes(b"no database")
    drop(hand, broken)
    assert "broken.zsip" in hand.messages()[1]
    assert hand.image_name == "a1.png"


def test_an_empty_folder_says_so(hand: Hand, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    hand.window.open_paths([folder])
    hand.wait(hand.messages)
    assert hand.messages() == [f"There is no image in {folder}: choose another folder, or add images to it"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is text")
def test_a_name_that_is_no_text_does_not_hide_the_rest(hand: Hand, photos: Path) -> None:
    bad = os.fsencode(photos) + b"/b\xff.png"
    Path(os.fsdecode(bad)).write_bytes((photos / "a1.png").read_bytes())
    hand.open(photos)
    assert listed(hand) == ["a1.png", "a2.png", "more/a10.png"]
    assert ["rename it" in text and "b\\udcff.png" in text for text in hand.messages()] == [True]


def test_a_folder_that_vanishes_is_told_once(drawing: Hand, photos: Path) -> None:
    drawing.wait(lambda: set(drawing.window.loader.cached) == {photos / name for name in NAMES})
    photos.rename(photos.with_name("elsewhere"))
    for wanted in ("a2.png", "more/a10.png"):
        drawing.window.registry["next_image"].trigger()
        broken = drawing.window.images.model.ids[NAMES.index(wanted)]
        drawing.wait(lambda broken=broken: is_broken(drawing, broken))
    assert [f"The image folder {photos} is not there any more" in text for text in drawing.messages()] == [
        True
    ]
    drawing.window.registry["rescan"].trigger()
    drawing.wait(lambda: not drawing.window.jobs.running)
    assert listed(drawing) == NAMES
    assert f"{photos}: it is not there any more" in drawing.messages()[-1]
    photos.with_name("elsewhere").rename(photos)
    drawing.window.registry["previous_image"].trigger()
    drawing.wait(lambda: drawing.image_name == "a2.png")
    assert not is_broken(drawing, drawing.window.images.model.ids[1])


def is_broken(hand: Hand, image_id: int) -> bool:
    record = hand.project.image(image_id)
    return record.path in hand.window.images.thumbnails.broken


def test_new_images_are_found_again(drawing: Hand, photos: Path) -> None:
    make_image(photos / "a3.png")
    drawing.window.registry["rescan"].trigger()
    drawing.wait(lambda: len(listed(drawing)) == 4)
    assert listed(drawing) == ["a1.png", "a2.png", "a3.png", "more/a10.png"]
    assert drawing.image_name == "a1.png"


def test_a_project_is_opened_where_it_was_left(make_window: Callable[[], Hand], photos: Path) -> None:
    first = make_window()
    first.open(photos)
    first.go_to("a2.png")
    path = first.project.path
    first.window.close()
    second = make_window()
    buttons = second.window.empty.findChildren(type(second.window.empty.demo_button))
    recent = [button for button in buttons if button.toolTip() == str(path)]
    assert len(recent) == 1
    recent[0].click()
    second.wait(lambda: second.image_name == "a2.png")


def test_recent_projects_in_the_menu(hand: Hand, photos: Path) -> None:
    menu = hand.window.findChild(QMenu, "menu_recent")
    assert menu is not None
    menu.aboutToShow.emit()
    assert [action.isEnabled() for action in menu.actions()] == [False]
    hand.open(photos)
    path = hand.project.path
    hand.window.registry["close_project"].trigger()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == [str(path)]
    menu.actions()[0].trigger()
    hand.wait(lambda: hand.image_name == "a1.png")


def test_a_project_opened_twice_is_read_only(make_window: Callable[[], Hand], photos: Path) -> None:
    first, second = make_window(), make_window()
    first.open(photos)
    second.open(photos)
    assert any("Read-only" in text and "another window" in text for text in second.messages())
    assert second.window.status.save_state.text() == "Read-only"
    assert not second.window.registry["tool_polygon"].isEnabled()
    assert not second.window.classes.input.isEnabled()
    assert first.messages() == []
    second.go_to("a2.png")  # looking is possible


def test_a_read_only_folder_is_annotated_all_the_same(
    hand: Hand, photos: Path, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos.chmod(0o555)
    if os.access(photos, os.W_OK):  # an administrator may write everywhere
        monkeypatch.setattr("app.project.location._writable", lambda folder: folder != photos)
    try:
        hand.open(photos)
        assert own_folders in hand.project.path.parents
        assert hand.window.session.writable
        assert listed(hand) == NAMES
    finally:
        photos.chmod(0o755)


def test_the_demo(hand: Hand, own_folders: Path) -> None:
    hand.window.empty.demo_button.click()
    hand.wait(lambda: hand.window.session.image_id is not None)
    assert len(listed(hand)) == 12
    assert own_folders in hand.project.path.parents
    names = [record.name for record in hand.project.classes()]
    assert names[:2] == ["cat", "airplane"]
    assert hand.window.session.image.name == "desk.jpg", "a picture on which the model is good"
    hand.window.registry["close_project"].trigger()
    assert hand.window.pages.currentWidget() is hand.window.empty
    hand.window.open_demo()
    hand.wait(lambda: hand.window.session.image_id is not None)
    assert [record.name for record in hand.project.classes()] == names


def test_closing_the_project_empties_everything(drawing: Hand) -> None:
    drawing.window.registry["close_project"].trigger()
    window = drawing.window
    assert window.windowTitle() == "ZSI Annotator"
    assert (
        window.images.model.rowCount(),
        window.classes.model.rowCount(),
        window.objects.model.rowCount(),
    ) == (
        0,
        0,
        0,
    )
    assert not window.registry["next_image"].isEnabled()


KILLED = """
import os, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from app.main_window import MainWindow
from app.project.commands import AddClass, AddObjects
from app.project.geometry import Geometry
from app.project.records import ObjectRecord
from app.settings import Settings
from app.startup import make_application

application = make_application()
window = MainWindow(Settings(Path(sys.argv[2])))
window.show()
window.open_paths([Path(sys.argv[1])])

def annotate():
    session = window.session
    if session.image_id is None or window.jobs.running:
        return
    session.do(AddClass("cat"))
    box = Geometry.from_box((10, 10, 50, 50))
    session.do(AddObjects([ObjectRecord.drawn(session.image_id, session.class_id, box, "rectangle")]))
    os.kill(os.getpid(), 9)

timer = QTimer(interval=20)
timer.timeout.connect(annotate)
timer.start()
application.exec()
"""


@pytest.mark.skipif(os.name != "posix", reason="kills the process with a signal")
def test_a_killed_window_loses_nothing(hand: Hand, photos: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(photos), str(tmp_path / "s.ini")], cwd=ROOT, timeout=120
    )
    assert done.returncode == -9
    hand.open(photos)
    assert hand.window.session.writable
    assert [record.geometry.box for record in hand.objects()] == [(10, 10, 50, 50)]
    hand.key("z", Qt.KeyboardModifier.ControlModifier, on=hand.window.canvas)
    assert hand.objects() == []


def test_the_process_starts_with_the_demo_and_loads_nothing_heavy(tmp_path: Path) -> None:
    """`zsi-annotator --demo` as a process of its own, and what it has imported when an image is shown."""
    code = """
import json, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.__main__ import main

def look():
    windows = [w for w in QApplication.topLevelWidgets() if w.objectName() == "main_window"]
    if windows and windows[0].session.image_id is not None:
        heavy = ("torch", "torchvision", "timm", "gensim", "cv2", "scipy")
        print(json.dumps([windows[0].windowTitle(), [name for name in heavy if name in sys.modules]]))
        windows[0].close()
    else:
        QTimer.singleShot(20, look)

import app.startup
make = app.startup.make_application
def make_and_look():
    application = make()
    QTimer.singleShot(20, look)
    return application
app.startup.make_application = make_and_look
sys.exit(main(["--demo"]))
"""
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["desk.jpg (7 / 12)", []]
    assert [line for line in done.stderr.splitlines() if "This plugin does not support" not in line] == []
    assert list((tmp_path / "zsi-annotator" / "crashes").iterdir()) == [], "it ended well"


def test_the_model_is_loaded_even_if_opening_fails(
    hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("unexpected")

    warm: list[object] = []
    monkeypatch.setattr(startup, "_on_warm", warm.append)
    monkeypatch.setattr(CrashFile, "watch", lambda _: None)
    monkeypatch.setattr(hand.window, "open_demo", fail)
    with pytest.raises(RuntimeError):
        startup._after_start(hand.window, CrashFile(tmp_path), [], demo=True)
    hand.wait(lambda: warm == [hand.window])


def test_the_project_file_is_where_the_store_expects_it(drawing: Hand, photos: Path) -> None:
    path = project_path(photos)
    drawing.window.registry["close_project"].trigger()
    with Project.open(path) as project:
        assert len(project.image_ids()) == 3
