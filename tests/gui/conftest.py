"""The real window on the platform "offscreen", driven with mouse and keys; nothing may outlive its test."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt, QThreadPool, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from app import errors
from app.jobs import wait_for_tasks
from app.main_window import MainWindow
from app.project import ObjectRecord, Project
from app.project.geometry import encode
from app.settings import Settings
from app.turns import turns_wait

NO_MODIFIER = Qt.KeyboardModifier.NoModifier
PATIENCE_MS = 20_000


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, data and cache of the user lie in a folder of the test."""
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "ZSI_CACHE"):
        monkeypatch.setenv(name, str(home))
    return home


@pytest.fixture(scope="session", autouse=True)
def modules_are_frozen(qapp: QApplication) -> None:
    """What was there before the first test is no leftover: looking for those takes a tenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def nothing_is_left_over(qapp: QApplication, own_folders: Path) -> Iterator[None]:
    """Fail where a thread, a task, a running timer or a window outlives its test."""
    threads = set(threading.enumerate())
    yield
    errors.set_receiver(None)
    for widget in QApplication.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    assert wait_for_tasks(), "a task does not end"
    settle()
    assert QThreadPool.globalInstance().activeThreadCount() == 0
    # Python calls the threads of Qt's pool dummies; they wait for the next task.
    left = [thread for thread in set(threading.enumerate()) - threads if "Dummy" not in thread.name]
    assert left == []
    timers = [thing for thing in gc.get_objects() if isinstance(thing, QTimer) and isValid(thing)]
    assert [timer for timer in timers if timer.isActive()] == []
    assert [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()] == []


def settle() -> None:
    """Deliver what is queued, deletions included, and let all panels follow."""
    while turns_wait():
        QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


class Hand:
    """Drives a window as a person would; places on the canvas are in pixels of the image."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window, self.bot = window, qtbot

    # ---- looking

    @property
    def project(self) -> Project:
        assert self.window.session.project is not None
        return self.window.session.project

    @property
    def image_name(self) -> str:
        image = self.window.session.image
        return image.name if image else ""

    def objects(self) -> list[ObjectRecord]:
        """Objects of the image in view."""
        assert self.window.session.image_id is not None
        return self.project.objects(self.window.session.image_id)

    def messages(self) -> list[str]:
        return [message.text for message in self.window.messages.messages]

    def wait(self, condition: Callable[[], object]) -> None:
        self.bot.waitUntil(lambda: bool(condition()), timeout=PATIENCE_MS)

    def snapshot(self) -> list[object]:
        """Everything of the project that a person made; equal for equal projects."""
        project = self.project
        classes = [(c.id, c.name, c.color, c.hotkey, c.position) for c in project.classes()]
        objects = [
            (o.uuid, o.class_id, o.state, o.z, o.hidden, o.locked, encode(o.geometry))
            for image_id in project.image_ids()
            for o in project.objects(image_id)
        ]
        return [classes, objects]

    # ---- doing

    def open(self, *paths: Path) -> None:
        """Open folders, files or a project and wait for the first image and the end of the search."""
        self.window.open_paths(list(paths))
        self.wait(lambda: self.window.session.image_id is not None and not self.window.jobs.running)

    def key(
        self, key: Qt.Key | str, modifiers: Qt.KeyboardModifier = NO_MODIFIER, on: QWidget | None = None
    ) -> None:
        """Press a key, by default where the keyboard is."""
        popup = QApplication.activePopupWidget()
        if popup is None and not self.window.isActiveWindow():
            self.window.activateWindow()  # the desktop does so when a popup closes
            self.bot.waitUntil(self.window.isActiveWindow)
        inside = (popup.focusWidget() or popup) if popup else QApplication.focusWidget()
        target = on or inside or self.window
        QTest.keyClick(target, key, modifiers)  # type: ignore[call-overload]

    def type(self, text: str, on: QWidget) -> None:
        on.setFocus()
        QTest.keyClicks(on, text)

    def place(self, x: float, y: float) -> QPoint:
        return self.window.canvas.viewport.to_widget(x, y).toPoint()

    def click(self, x: float, y: float, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        self.press(x, y, modifiers)
        self.release(x, y, modifiers)

    def press(self, x: float, y: float, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        QTest.mouseMove(self.window.canvas, self.place(x, y))
        QTest.mousePress(self.window.canvas, Qt.MouseButton.LeftButton, modifiers, self.place(x, y))

    def release(self, x: float, y: float, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        QTest.mouseRelease(self.window.canvas, Qt.MouseButton.LeftButton, modifiers, self.place(x, y))

    def drag(self, *places: tuple[float, float]) -> None:
        """Press at the first place, move over the others, release at the last."""
        self.press(*places[0])
        for place in places[1:]:
            QTest.mouseMove(self.window.canvas, self.place(*place))
        self.release(*places[-1])

    def go_to(self, name: str) -> None:
        """Choose an image in the list."""
        model = self.window.images.model
        row = next(row for row in range(model.rowCount()) if model.index(row).data() == name)
        self.window.images.list.setCurrentIndex(model.index(row))
        self.wait(lambda: self.image_name == name)


@pytest.fixture
def make_window(qtbot: QtBot, own_folders: Path) -> Iterator[Callable[[], Hand]]:
    """Opens real windows with settings of their own."""
    made: list[Hand] = []

    def make() -> Hand:
        window = MainWindow(Settings(own_folders / "settings.ini"))
        errors.set_receiver(window.messages.show_report)
        window.resize(1280, 800)
        window.show()
        qtbot.waitExposed(window)
        made.append(Hand(window, qtbot))
        return made[-1]

    yield make
    errors.set_receiver(None)
    for hand in made:  # while they are still referred to: the garbage collector takes them apart in any order
        hand.window.close()
        hand.window.deleteLater()
    wait_for_tasks()
    settle()


@pytest.fixture
def hand(make_window: Callable[[], Hand]) -> Hand:
    """A window without a project."""
    return make_window()


def make_image(path: Path, size: tuple[int, int] = (320, 240), seed: int = 0) -> Path:
    """A picture of coloured noise blocks; different seeds look different."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with three pictures, one of them in a sub-folder."""
    folder = tmp_path / "photos"
    for number, name in enumerate(("a1.png", "a2.png", "more/a10.png")):
        make_image(folder / name, seed=number)
    return folder


@pytest.fixture
def drawing(hand: Hand, photos: Path) -> Hand:
    """A window that shows the first of three pictures, with the keyboard on the canvas."""
    hand.open(photos)
    hand.window.canvas.setFocus()
    return hand
