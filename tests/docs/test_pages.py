"""The pages say what the code says: messages, parts made from it, links to other places."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
SHORTEST = 8  # characters of a piece of a message that is looked for


@cache
def messages() -> set[str]:
    """Every text of the program, with … for what is filled in."""
    found = set()
    for room in ("app", "zsi_core", "training"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
                elif isinstance(node, ast.JoinedStr):
                    pieces = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                    found.add("".join(map(str, pieces)))
    return found


def occurs(message: str, texts: set[str]) -> bool:
    """Whether one text of the program holds all pieces of the message in their order."""
    pieces = [piece.strip() for piece in message.split("…") if len(piece.strip()) >= SHORTEST]
    pattern = re.compile(".*".join(map(re.escape, pieces)), re.DOTALL)
    return bool(pieces) and any(pattern.search(text) for text in texts)


def test_a_message_that_does_not_exist_is_noticed() -> None:
    assert not occurs("… is made of cheese: eat it", messages())
    assert occurs("… is open in another window (…)", messages())


def test_the_messages_of_troubleshooting_exist() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = [
        line for line in re.findall(r"^### (.+)$", text, re.MULTILINE) if line[0].islower() or "…" in line
    ]
    assert len(quoted) > 30
    texts = messages()
    assert [message for message in quoted if not occurs(message, texts)] == []


def load(name: str) -> object:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_part_is_made_and_used() -> None:
    parts = load("generated").PARTS  # type: ignore[attr-defined]
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"<!-- insert: (\S+) -->", text)) == set(parts)
    for name, make in parts.items():
        assert len(make()) > 200, f"{name} is nearly empty"


def test_keys_are_those_of_the_window() -> None:
    from app.actions import ACTIONS

    keys = load("generated").PARTS["keys"]()  # type: ignore[attr-defined]
    missing = [spec.id for spec in ACTIONS if spec.keys and f"| {spec.plain_text} | {spec.tip} |" not in keys]
    assert missing == []


def test_every_page_is_in_the_navigation_and_every_picture_exists() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:", 1)[1]
    assert [page.name for page in PAGES if f": {page.name}" not in navigation] == []
    for page in (*PAGES, ROOT / "README.md"):
        for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), f"{page.name} shows {target}, which does not exist"


def test_the_readme_has_the_figures_of_the_starter_model() -> None:
    config = ROOT / "resources" / "models" / "starter" / "config.json"
    metrics = json.loads(config.read_text(encoding="utf-8"))["metrics"]
    figures = (metrics["recall@100"]["0.5"], metrics["map50"])
    told = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    card = (config.parent / "card.md").read_text(encoding="utf-8")
    recall, average_precision = (f"{100 * figure:.1f}" for figure in figures)
    assert f"On {metrics['images']} photographs" in told
    assert f"Recall@100 of {recall} % and an mAP of {average_precision} % at IoU 0.5" in told
    assert recall in card
    assert average_precision in card
