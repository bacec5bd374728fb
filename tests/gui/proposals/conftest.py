"""Windows with an engine: one that sees the same in all photographs, or the starter model."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.jobs.worker import post
from tests.gui.conftest import Hand
from tests.gui.proposals import seeing
from zsi_core.engine.client import EngineClient, Event
from zsi_core.engine.requests import LoadModel
from zsi_core.files import resources_dir

LOADING_MS = 240_000
"""Patience until the starter model is loaded, for busy machines; two seconds are usual."""


class SharedClient(EngineClient):
    """Serves the windows of one test after the other: the engine starts once for all of them."""

    def __init__(self) -> None:
        self.listener: Callable[[Event], None] = lambda event: None
        command = [sys.executable, str(Path(seeing.__file__))]
        super().__init__(command=command, on_event=lambda event: self.listener(event))

    def close(self) -> None:
        """A window is closed, the engine stays."""
        self.listener = lambda event: None

    def end(self) -> None:
        super().close()


@pytest.fixture(scope="module")
def seeing_client() -> Iterator[SharedClient]:
    """The engine of seeing.py."""
    client = SharedClient()
    client.ask(LoadModel()).result(LOADING_MS / 1000)  # its threads must be there before a test counts them
    yield client
    client.end()


@pytest.fixture
def seer(seeing_client: SharedClient, make_window: Callable[[], Hand], photos: Path) -> Hand:
    """A window that shows the first of three pictures; its engine is that of seeing.py."""
    hand = make_window()
    link = hand.window.link
    link._client = seeing_client
    seeing_client.listener = lambda event: post(link._life, link._on_event, event)
    link.load("starter")
    return _ready(hand, photos)


@pytest.fixture
def mortal(make_window: Callable[[], Hand], photos: Path) -> Hand:
    """The same with an engine of its own, which may be killed."""
    hand = make_window()
    hand.window.link._command = [sys.executable, str(Path(seeing.__file__))]
    hand.window.link.start()
    return _ready(hand, photos)


def _ready(hand: Hand, folder: Path) -> Hand:
    hand.open(folder)
    hand.bot.waitUntil(lambda: hand.window.link.ready, timeout=LOADING_MS)
    hand.window.canvas.setFocus()
    return hand


@pytest.fixture
def assisted(make_window: Callable[[], Hand], tmp_path: Path) -> Hand:
    """A window that shows the first of two demo photographs, the starter model loaded."""
    hand = make_window()
    hand.window.link.start()
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("cat_on_sofa.jpg", "lunch.jpg"):
        shutil.copy(resources_dir() / "demo" / name, folder)
    return _ready(hand, folder)
