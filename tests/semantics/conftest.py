"""Word tables for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zsi_core.semantics import WordTable


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep converted tables out of the user's cache folder."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ZSI_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def bundled() -> WordTable:
    return WordTable.bundled()


@pytest.fixture(scope="session")
def make_table() -> Callable[..., WordTable]:
    """Make a table of the given words, each with a direction of its own."""

    def make(*words: str) -> WordTable:
        return WordTable(list(words), np.eye(len(words), dtype=np.float32), "0" * 64, "small.txt")

    return make
