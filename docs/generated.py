"""Parts of the documentation that are made from the code, so that they cannot be out of date. Free of Qt."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]

_CONVERTERS = {
    "YOLO segmentation": "yolo",
    "labelme": "labelme",
    "Pascal VOC": "voc",
    "Mask images": "masks",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), ["---"] * len(list(head)), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def keys() -> str:
    """Every action of the window that has a key, by menu."""
    from app.actions import ACTIONS
    from app.actions.spec import MENUS

    text = []
    for menu in MENUS:
        rows = [
            (" or ".join(f"`{key}`" for key in spec.keys), spec.plain_text, spec.tip, spec.where.value)
            for spec in ACTIONS
            if spec.menu == menu and spec.keys
        ]
        if rows:
            text.append(f"## {menu}\n\n{table(('key', 'command', 'what it does', 'where'), rows)}\n")
    return "\n".join(text)


def commands_without_key() -> str:
    """The other actions."""
    from app.actions import ACTIONS

    rows = [(spec.menu, spec.plain_text, spec.tip) for spec in ACTIONS if not spec.keys]
    return table(("menu", "command", "what it does"), rows)


def gestures() -> str:
    """What the mouse does."""
    from app.actions.gestures import GESTURES

    return table(("gesture", "what it does"), GESTURES)


def settings() -> str:
    """Every setting of the window, with its default."""
    # By path: the package of the settings brings Qt in.
    options = runpy.run_path(str(ROOT / "app" / "settings" / "schema.py"))["OPTIONS"]
    rows = []
    for option in options:
        default = option.choices.get(option.default, option.default)
        if isinstance(default, bool):
            default = "on" if default else "off"
        rows.append((option.section, option.label, option.help, f"{default}{option.suffix}"))
    return table(("section", "setting", "what it does", "at first"), rows)


def zsi() -> str:
    """`zsi` and its commands."""
    return _typer("app.command_line", "zsi")


def training() -> str:
    """`python -m training` and its commands."""
    return _typer("training.__main__", "python -m training")


def _typer(module: str, name: str) -> str:
    command = [sys.executable, "-m", "typer", module, "utils", "docs", "--name", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return re.sub(r"^#", "##", done.stdout.strip(), flags=re.MULTILINE)


def export_formats() -> str:
    """The formats of an export and what each holds."""
    from app.exchange.formats import EXPORT_FORMATS

    rows = ((format.title, f"`{name}`", format.about) for name, format in EXPORT_FORMATS.items())
    return table(("format", "`--format`", "what it holds, and what not"), rows)


def format_losses() -> str:
    """What each converter tells that it changes or leaves out."""
    common = _told("common", (0, 10**6))
    text = [
        "Every export but COCO:\n",
        _listed(common),
    ]
    for title, module in _CONVERTERS.items():
        source = (ROOT / "zsi_core" / "coco" / "formats" / f"{module}.py").read_text(encoding="utf-8")
        readers = [
            node.lineno
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("read_")
        ]
        border = min(readers, default=10**6)
        for verb, lines in (("Writing", (0, border)), ("Reading", (border, 10**6))):
            if told := _told(module, lines):
                text += [f"\n{verb} {title}:\n", _listed(told)]
    return "\n".join(text)


def _told(module: str, lines: tuple[int, int]) -> list[str]:
    """What a converter notes, changes and skips, in the words of its report."""
    source = (ROOT / "zsi_core" / "coco" / "formats" / f"{module}.py").read_text(encoding="utf-8")
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr in ("note", "skip", "change") and lines[0] <= node.lineno < lines[1]:
                found += [(node.lineno, text) for text in _strings(node.args[0])]
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and lines[0] <= node.lineno < lines[1]:
            found += [(node.lineno, text) for text in _strings(node.elts[1]) if ": the format" in text]
    return list(dict.fromkeys(text for _, text in sorted(found)))


def _strings(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        pieces = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        return ["".join(map(str, pieces))]
    return []


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def recipes() -> str:
    """The recipes of training, with the comment that each opens with."""
    rows = []
    for path in sorted((ROOT / "training" / "recipes").glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        comment = " ".join(
            line.removeprefix("#").strip()
            for line in text.split("\n\n", 1)[0].splitlines()
            if line.startswith("#")
        )
        rows.append((f"`{tomllib.loads(text)['name']}`", comment))
    return table(("recipe", "what it is"), rows)


def starter_card() -> str:
    """The card of the starter model."""
    text = (ROOT / "resources" / "models" / "starter" / "card.md").read_text(encoding="utf-8")
    return text.split("\n", 1)[1].strip()


def glossary() -> str:
    """The glossary of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.split("\n## Glossary\n", 1)[1].split("\n## ", 1)[0].strip().replace("\n### ", "\n## ")


def changes() -> str:
    """CHANGELOG.md."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return text.split("\n", 1)[1].strip().replace("](docs/", "](")


PARTS: dict[str, Callable[[], str]] = {
    "keys": keys,
    "commands-without-key": commands_without_key,
    "gestures": gestures,
    "settings": settings,
    "zsi": zsi,
    "training": training,
    "export-formats": export_formats,
    "format-losses": format_losses,
    "recipes": recipes,
    "starter-card": starter_card,
    "glossary": glossary,
    "changes": changes,
}
"""What a page can insert."""
