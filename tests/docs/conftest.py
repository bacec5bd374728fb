"""The pages and what stands in their code blocks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="session")
def blocks() -> Callable[..., list[str]]:
    """Code blocks of a page (path below the repository) in a language, those of a title if one is given."""

    def find(page: str, language: str, title: str | None = None) -> list[str]:
        found = _BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
        texts = [text for kind, name, text in found if kind == language and title in (None, name)]
        assert texts, f"{page} has no block {title or language}"
        return texts

    return find
