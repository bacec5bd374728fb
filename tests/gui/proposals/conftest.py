"""Windows with an engine: one that sees the same in all photographs, or the starter model."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gui.conftest import Hand
from tests.gui.proposals import seeing
from zsi_core.files import resources_dir

LOADING_MS = 240_000
"""Patience until the starter model is loaded, for busy machines; two seconds are usual."""


@pytest.fixture
def seer(make_window: Callable[[], Hand], photos: Path) -> Hand:
    """A window that shows the first of three pictures; its engine is that of seeing.py."""
    hand = make_window()
    hand.window.link._command = [sys.executable, str(Path(seeing.__file__))]
    hand.window.link.start()
    hand.open(photos)
    hand.wait(lambda: hand.window.link.ready)
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
    hand.open(folder)
    hand.bot.waitUntil(lambda: hand.window.link.ready, timeout=LOADING_MS)
    hand.window.canvas.setFocus()
    return hand
