"""The demo pictures: complete, small, free to redistribute, without hidden data."""

from __future__ import annotations

import json
import re
import runpy

import numpy as np
import pytest
from PIL import Image

from zsi_core.files import resources_dir
from zsi_core.images import read_image
from zsi_core.semantics import WordTable, resolve_all

DEMO = resources_dir() / "demo"
LISTING = json.loads((DEMO / "demo.json").read_text(encoding="utf-8"))
ENTRIES = {entry["file"]: entry for entry in LISTING["images"]}
FREE = {
    "Apache-2.0",
    "CC0-1.0",
    "CC-BY-2.0",
    "CC-BY-SA-2.0",
    "public domain",
    "no known copyright restrictions",
}
IN_WORDS = {"CC-BY-2.0": "CC BY 2.0", "CC-BY-SA-2.0": "CC BY-SA 2.0", "CC0-1.0": "CC0 1.0"}

each_picture = pytest.mark.parametrize("name", sorted(ENTRIES))


def attribution_row(name: str) -> str:
    rows = [
        line
        for line in (DEMO / "ATTRIBUTION.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{name}` |")
    ]
    assert len(rows) == 1, f"{name} must have one row in ATTRIBUTION.md, but has {len(rows)}"
    return rows[0]


def test_the_listing_is_complete() -> None:
    pictures = {
        path.name for path in DEMO.iterdir() if path.is_file() and path.suffix not in (".md", ".json", ".py")
    }
    assert pictures == set(ENTRIES)
    assert len(ENTRIES) == len(LISTING["images"]) >= 10


def test_together_they_are_small() -> None:
    assert sum((DEMO / name).stat().st_size for name in ENTRIES) < 2_500_000


@each_picture
def test_a_picture_opens_and_is_small(name: str) -> None:
    height, width, channels = read_image(DEMO / name).shape
    assert channels == 3
    assert 300 <= max(height, width) <= 1024


@each_picture
def test_a_picture_carries_nothing_hidden(name: str) -> None:
    with Image.open(DEMO / name) as image:
        assert image.format == "JPEG"
        assert not image.getexif()
        hidden = set(image.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not hidden, f"{name} carries {hidden}"


@each_picture
def test_a_picture_may_be_redistributed_and_says_so(name: str) -> None:
    entry = ENTRIES[name]
    assert set(entry) == {"file", "names", "licence", "source"}
    assert entry["licence"] in FREE
    row = attribution_row(name)
    assert f"| {IN_WORDS.get(entry['licence'], entry['licence'])}" in row
    if match := re.search(r"https?://\S+", entry["source"]):
        assert f"<{match[0]}>" in row


def test_nothing_else_is_attributed() -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \|", (DEMO / "ATTRIBUTION.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(rows) == sorted(ENTRIES)


def test_every_name_can_be_typed() -> None:
    names = {name for entry in ENTRIES.values() for name in entry["names"]} | set(LISTING["prompt"])
    assert all(entry["names"] for entry in ENTRIES.values())
    assert resolve_all(WordTable.bundled(), sorted(names)).shape == (len(names), 300)


def test_the_prompt_names_things_that_are_on_the_pictures() -> None:
    prompt = LISTING["prompt"]
    assert len(set(prompt)) == len(prompt) > 0
    assert set(prompt) <= {name for entry in ENTRIES.values() for name in entry["names"]}


@pytest.mark.slow
def test_the_rendered_picture_is_what_its_script_renders() -> None:
    script = runpy.run_path(str(DEMO / "render_parts.py"))
    rendered = script["render"](script["SEED"]).astype(int)
    shipped = read_image(DEMO / "parts_tray.jpg")
    assert rendered.shape == shipped.shape
    assert (
        np.abs(rendered - shipped).mean() < 4
    )  # grain that JPEG smooths away; another seed gives 15 and more
