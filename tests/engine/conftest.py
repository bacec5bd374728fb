"""A real model in this process, and pictures that may be changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from zsi_core.files import resources_dir


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Copies of four demo photographs."""
    names = ("cat_on_sofa.jpg", "desk.jpg", "lunch.jpg", "coins.jpg")
    folder = tmp_path / "pictures"
    folder.mkdir()
    return [Path(shutil.copy(resources_dir() / "demo" / name, folder)) for name in names]
