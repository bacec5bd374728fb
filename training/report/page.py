"""A page made of blocks, as self-contained HTML and as Markdown beside its pictures."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

CSS = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd; }
.table { overflow-x: auto; } table { border-collapse: collapse; margin: 1rem 0; font-size: 0.94rem; }
th, td { padding: 0.2rem 0.8rem; text-align: right; border-bottom: 1px solid #eee;
  font-variant-numeric: tabular-nums; }
th { border-bottom: 1px solid #bbb; font-weight: 600; }
th:first-child, td:first-child, .words td, .words th { text-align: left; }
figure { margin: 1rem 0; } figcaption { color: #555; font-size: 0.9rem; }
img, svg { max-width: 100%; height: auto; } img { max-height: 34rem; width: auto; }
pre { background: #f6f6f6; padding: 0.8rem; overflow-x: auto; font-size: 0.85rem; line-height: 1.4; }
"""


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 or 2."""

    level: int
    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """Lines to be shown as they are."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table; all columns but the first hold numbers unless it is one of words."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: bool = False


@dataclass(frozen=True)
class Picture:
    """An SVG or JPEG picture.

    Attributes:
        name: file name for the Markdown page; its suffix says the format.
        content: of the file.
        caption: what it shows.
    """

    name: str
    content: bytes
    caption: str


Block = Heading | Text | Code | Table | Picture


def to_html(title: str, blocks: Sequence[Block]) -> str:
    """The page in one file that needs nothing else."""
    body = "\n".join(_html(block) for block in blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def to_markdown(blocks: Sequence[Block], pictures: str) -> str:
    """The page in Markdown; its pictures lie in the folder `pictures` beside it."""
    return "\n\n".join(_markdown(block, pictures) for block in blocks) + "\n"


def _html(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Text(text):
            return f"<p>{escape(text)}</p>"
        case Code(text):
            return f"<pre>{escape(text)}</pre>"
        case Table(header, rows, words):
            head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
            lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
            body = "\n".join(f"<tr>{line}</tr>" for line in ([head] if any(header) else []) + lines)
            kind = ' class="words"' if words else ""
            return f'<div class="table"><table{kind}>\n{body}\n</table></div>'
        case Picture(name, content, caption):
            if name.endswith(".svg"):
                image = content.decode()
            else:
                data = base64.b64encode(content).decode()
                image = f'<img alt="{escape(caption)}" src="data:image/jpeg;base64,{data}">'
            return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"


def _markdown(block: Block, pictures: str) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Text(text):
            return text
        case Code(text):
            return f"```\n{text}\n```"
        case Table(header, rows, words):
            rule = [":--" if words or not i else "--:" for i in range(len(header))]
            lines = [_row(header), f"| {' | '.join(rule)} |", *(_row(row) for row in rows)]
            return "\n".join(lines)
        case Picture(name, _, caption):
            return f"![{caption}]({pictures}/{name})"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
