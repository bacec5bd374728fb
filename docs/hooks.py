"""Hook of MkDocs: puts what comes from the code into pages, where they say `<!-- insert: NAME -->`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from generated import PARTS  # noqa: E402

# What a browser would fetch from elsewhere by itself.
FOREIGN = re.compile(r"<(?:script|img|iframe|link)\b[^>]*\s(?:src|href)=[\"']?(?:https?:)?//[^>]*>")
INSERT = re.compile(r"^<!-- insert: (\S+) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill one page.

    Raises:
        PluginError: it names a part that does not exist.
    """

    def part(match: re.Match[str]) -> str:
        if match[1] not in PARTS:
            raise PluginError(f"{page.file.src_path}: there is no part {match[1]!r}, only {', '.join(PARTS)}")
        return PARTS[match[1]]()

    return INSERT.sub(part, markdown)


def on_post_page(output: str, page: Any, **_: Any) -> None:
    """The site is read without a network.

    Raises:
        PluginError: a page loads something from elsewhere.
    """
    if found := FOREIGN.search(output):
        raise PluginError(f"{page.file.src_path} loads something from elsewhere: {found[0]}")
