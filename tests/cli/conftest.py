"""`zsi propose` on a model with random weights."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zsi_core.cli import main

Run = Callable[..., int]


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Six small pictures, two of them in a sub-folder with names that are there already."""
    folder = tmp_path / "photographs"
    (folder / "more").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("1.png", "2.jpg", "10.jpg", "more/1.png", "more/2.jpg", "z.png"):
        pixels = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((80, 60)).save(folder / name)
    return folder


@pytest.fixture
def zsi(monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path) -> Run:
    """Run `zsi propose` with the tiny model and a threshold that lets something through."""

    def run(*arguments: object, **options: object) -> int:
        given = {"model": tiny_checkpoint, "threshold": 0.02, "classes": "fork, cat"} | options
        flags = [part for key, value in given.items() if value is not None for part in (f"--{key}", value)]
        monkeypatch.setattr(sys, "argv", ["zsi", "propose", *map(str, [*arguments, *flags])])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0)

    return run


def content(path: Path) -> dict[str, Any]:
    """A file of proposals without what differs between two equal runs."""
    document = json.loads(path.read_text())
    for annotation in document["annotations"]:
        del annotation["zsi"]["uuid"], annotation["zsi"]["created"]
    return document
