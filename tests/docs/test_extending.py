"""The examples of docs/extending.md do what the page says."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

Block = Callable[[str, str], str]


@pytest.fixture
def block(blocks: Callable[..., list[str]]) -> Block:
    """The one block of a language and title."""

    def one(language: str, title: str) -> str:
        (text,) = blocks("docs/extending.md", language, title)
        return text

    return one


def run(text: str) -> dict[str, Any]:
    """The names that a module defines."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(text, "extending.md", "exec"), names)
    return names


def test_a_tool_draws(block: Block, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> None:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QImage

    from app.canvas.canvas import Canvas
    from app.canvas.tools import TOOLS
    from app.canvas.tools.tool import Pointer
    from app.project.geometry import Geometry

    added: list[tuple[Geometry, str]] = []

    class Editor:
        def add(self, geometry: Geometry, tool: str) -> None:
            added.append((geometry, tool))

    tool = run(block("python", "app/canvas/tools/ellipse.py"))
    for name, kind in eval(f"{{{block('python', 'in TOOLS')}}}", tool).items():
        monkeypatch.setitem(TOOLS, name, kind)
    canvas = Canvas(Editor())  # type: ignore[arg-type]
    qtbot.addWidget(canvas)
    canvas.set_image(QImage(400, 300, QImage.Format.Format_RGB32))
    canvas.set_tool("ellipse")
    told: list[str] = []
    canvas.message.connect(told.append)
    canvas.active_tool.press(Pointer(100, 100, QPointF()))
    canvas.active_tool.release(Pointer(200, 160, QPointF()))
    ((geometry, name),) = added
    assert (name, geometry.box) == ("ellipse", (100.0, 100.0, 200.0, 160.0))
    assert geometry.area == pytest.approx(3.1416 * 50 * 30, rel=0.01)
    canvas.active_tool.press(Pointer(10, 10, QPointF()))
    canvas.active_tool.release(Pointer(10, 10, QPointF()))
    assert len(added) == 1 and len(told) == 1


def test_an_action_takes_no_key_that_is_taken(block: Block) -> None:
    from app.actions import ACTIONS

    _, (name, text, key, tip) = run(block("python", "in _TOOLS"))["_TOOLS"]
    assert key not in {taken for spec in ACTIONS for taken in spec.keys}
    assert name == "ellipse" and "&" in text and tip.endswith(".")


def test_a_format_is_exported(block: Block, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from app.command_line import app
    from app.exchange import formats

    names = run(block("python", "zsi_core/coco/formats/csv_boxes.py"))
    entry = eval(f"{{{block('python', 'in EXPORT_FORMATS')}}}", {**vars(formats), **names})
    monkeypatch.setitem(formats.EXPORT_FORMATS, "csv", entry["csv"])
    write_set(tmp_path)
    invoke = CliRunner().invoke
    project, target = str(tmp_path / "p.zsip"), tmp_path / "boxes.csv"
    read = invoke(app, ["import", str(tmp_path / "annotations.json"), "-o", project])
    assert read.exit_code == 0, read.output
    done = invoke(app, ["export", project, "--format", "csv", "-o", str(target)])
    assert done.exit_code == 0, done.output
    assert (
        target.read_text() == "image,class,x,y,width,height\n0.png,fork,10,10,30,20\n1.png,fork,10,10,30,20\n"
    )
    assert "only their box" in done.output


def test_a_backbone_states_its_maps(block: Block) -> None:
    pyramid = run(block("python", "any timm network"))["pyramid"]
    shapes = {level: tuple(maps.shape[1:]) for level, maps in pyramid.items()}
    assert shapes == {"P3": (128, 12, 16), "P4": (128, 6, 8), "P5": (128, 3, 4), "P6": (128, 2, 2)}


def test_a_recipe_is_read(block: Block, tmp_path: Path) -> None:
    from training.recipe import load_recipe

    recipe = load_recipe(str(recipe_file(block, tmp_path)))
    assert (recipe.name, recipe.steps, recipe.canvases) == ("forks", 400, ((256, 256),))


@pytest.mark.slow
def test_a_recipe_trains(block: Block, blocks: Callable[..., list[str]], tmp_path: Path) -> None:
    recipe_file(block, tmp_path)
    (tmp_path / "data").mkdir()
    write_set(tmp_path / "data")
    (line,) = blocks("docs/extending.md", "sh")
    python, *arguments = shlex.split(line.removeprefix("uv run "))
    assert python == "python"
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run-forks" / "checkpoint" / "model.safetensors").is_file()


def recipe_file(block: Block, folder: Path) -> Path:
    path = folder / "forks.toml"
    path.write_text(block("toml", "forks.toml"))
    return path


def write_set(folder: Path) -> None:
    """Two images with a fork each."""
    (folder / "images").mkdir()
    document: dict[str, list[dict[str, Any]]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 3, "name": "fork"}],
    }
    for number in range(2):
        Image.new("RGB", (120, 90), (60, 60, 60)).save(folder / "images" / f"{number}.png")
        document["images"].append({"id": number, "file_name": f"{number}.png", "width": 120, "height": 90})
        document["annotations"].append(
            {
                "id": number + 1,
                "image_id": number,
                "category_id": 3,
                "segmentation": [[10, 10, 40, 10, 40, 30, 10, 30]],
                "bbox": [10, 10, 30, 20],
                "area": 600,
                "iscrowd": 0,
            }
        )
    (folder / "annotations.json").write_text(json.dumps(document))
