"""From COCO's annotation files to the paper's figures: split, train, evaluate, on a drawn COCO."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from training.__main__ import main as training
from zsi_core.checkpoint import CheckpointInfo, save_checkpoint
from zsi_core.cli import main as zsi
from zsi_core.coco import read_coco
from zsi_core.model import ZSI, ModelConfig
from zsi_core.semantics import WordTable, load_split

SIDE = 96
LOOKS: dict[str, tuple[str, tuple[int, int, int]]] = {
    "dog": ("disc", (200, 60, 60)),
    "car": ("square", (60, 60, 200)),
    "bird": ("triangle", (60, 180, 60)),
    "cat": ("disc", (220, 140, 60)),
    "train": ("square", (60, 160, 220)),
}
"""Shape and colour of what is drawn; cat and train are unseen in 65/15 and look like their neighbours."""

CATEGORIES = dict(enumerate(load_split("65_15").seen + load_split("65_15").unseen, 1))
IDS = {name: i for i, name in CATEGORIES.items()}


def outline(shape: str, x: int, y: int, side: int) -> np.ndarray:
    """Polygon (P, 2) of a shape in the square at x, y."""
    if shape == "disc":
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        return (side / 2 * np.stack([1 + np.cos(angles), 1 + np.sin(angles)], 1) + [x, y]).round().astype(int)
    corners = {"square": [(0, 0), (1, 0), (1, 1), (0, 1)], "triangle": [(0.5, 0), (1, 1), (0, 1)]}[shape]
    return (np.array(corners) * side + [x, y]).round().astype(int)


def draw_release(folder: Path, part: str, pictures: list[list[str]], seed: int) -> None:
    """Write `part`2014 of a miniature COCO: images, and annotations with the categories last."""
    rng = np.random.default_rng(seed)
    (folder / f"{part}2014").mkdir(parents=True)
    content: dict[str, Any] = {"info": {"year": 2014}, "images": [], "licenses": [], "annotations": []}
    for number, names in enumerate(pictures, 1000):
        pixels = rng.integers(90, 130, (SIDE, SIDE, 3), dtype=np.uint8)
        file_name = f"COCO_{part}2014_{number:012d}.jpg"
        content["images"].append({"id": number, "file_name": file_name, "width": SIDE, "height": SIDE})
        for place, name in enumerate(names):
            shape, colour = LOOKS[name]
            side = int(rng.integers(26, 40))
            x, y = (
                4 + 48 * (place % 2) + int(rng.integers(0, 6)),
                4 + 48 * (place // 2) + int(rng.integers(0, 6)),
            )
            points = outline(shape, x, y, side)
            cv2.fillPoly(pixels, [points.astype(np.int32)], colour)
            left, top, width, height = cv2.boundingRect(points.astype(np.int32))
            content["annotations"].append(
                {
                    "id": len(content["annotations"]) + 1,
                    "image_id": number,
                    "category_id": IDS[name],
                    "segmentation": [points.ravel().astype(float).tolist()],
                    "bbox": [left, top, width, height],
                    "area": float(cv2.contourArea(points.astype(np.int32))),
                    "iscrowd": 0,
                }
            )
        cv2.imwrite(str(folder / f"{part}2014" / file_name), pixels[..., ::-1])
    content["categories"] = [{"id": id, "name": name, "supercategory": ""} for id, name in CATEGORIES.items()]
    (folder / f"instances_{part}2014.json").write_text(json.dumps(content))


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Two dozen training and a dozen validation pictures."""
    rng = np.random.default_rng(3)
    seen, everything = ["dog", "car", "bird"], list(LOOKS)
    train = [rng.choice(seen, rng.integers(1, 5)).tolist() for _ in range(20)]
    val = [rng.choice(everything, rng.integers(1, 5)).tolist() for _ in range(10)]
    draw_release(tmp_path / "coco", "train", [*train, ["dog", "cat"], ["train"], []], seed=1)
    draw_release(tmp_path / "coco", "val", [*val, ["cat"], ["dog"]], seed=2)
    return tmp_path / "coco"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def run(program: Callable[[], None], *arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["program", *map(str, arguments)])
        try:
            program()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return run


@pytest.mark.slow
def test_split_train_and_evaluate(
    coco: Path, run: Callable[..., int], tmp_path: Path, small_network: ModelConfig, same_arithmetic: None
) -> None:
    files = coco / "coco_65_15"
    releases = ("--train", coco / "instances_train2014.json", "--val", coco / "instances_val2014.json")
    assert run(zsi, "benchmark-split", "--split", "65_15", *releases, "-o", files) == 0
    train, test = read_coco(files / "train.json"), read_coco(files / "gzsi_test.json")
    assert len(train.images) == 20
    assert {train.category_names[a.category_id] for a in train.annotations} == {"dog", "car", "bird"}
    assert 1 < len(test.images) < 12
    assert len(read_coco(files / "zsi_test.json").images) == len(test.images)

    recipe = tmp_path / "small.toml"
    recipe.write_text(
        'name = "small"\nsplit = "65_15"\nbatch_size = 2\nsteps = 4\nwarmup_steps = 1\nfrozen_stages = 0\n'
        'canvases = [[96, 96]]\n[model]\nbackbone = "test_efficientnet"\npyramid_channels = 16\n'
        "box_features = 32\nmask_channels = 16\nproposals_train = 40\nproposals_test = 20\n"
        "regions_train = 32\n"
        '[[datasets]]\nname = "coco"\nannotations = "coco_65_15/train.json"\nimages = "train2014"\n'
    )
    start = small_checkpoint(tmp_path / "start", small_network)
    outcome = run(
        training,
        "--recipe",
        recipe,
        "--data",
        coco,
        "--out",
        tmp_path / "run",
        "--from",
        start,
        "--device",
        "cpu",
    )
    assert outcome == 0

    metrics = tmp_path / "metrics.json"
    arguments = ("--split", "65_15", "--images", coco / "val2014", "--annotations", files / "gzsi_test.json")
    model = ("--model", tmp_path / "run" / "checkpoint", "--device", "cpu", "--resamples", 5)
    assert run(zsi, "evaluate", *arguments, *model, "--mode", "all", "--task", "all", "-o", metrics) == 0
    found = json.loads(metrics.read_text())
    assert found["split"] == "coco_65_15"
    counts = {
        name: sum(test.category_names[a.category_id] == name for a in test.annotations) for name in LOOKS
    }
    for task in ("segm", "bbox"):
        zsi_figures, gzsi_figures = found["results"][task]["zsi"], found["results"][task]["gzsi"]
        assert zsi_figures["images"] == gzsi_figures["images"] == len(test.images)
        # On the same images the unseen figures of both modes are the same, unlike in the paper's Table 4.
        assert gzsi_figures["unseen"] == zsi_figures["unseen"]
        assert gzsi_figures["seen"]["recall@100"]["0.4"] is not None
        assert gzsi_figures["harmonic_mean"]["map50"] is not None
        told = {name: gzsi_figures["per_class"][name]["instances"] for name in LOOKS}
        assert told == counts
    assert 0 <= found["results"]["bbox"]["ar100_agnostic"] <= 1


def small_checkpoint(folder: Path, config: ModelConfig) -> Path:
    """Random weights to start from, because ImageNet's are not for so small a network."""
    table = WordTable.bundled()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ZSI(config, torch.from_numpy(table.vector("background")))
    save_checkpoint(folder, model, CheckpointInfo(config, ("dog",), "0" * 64, table.sha256), "")
    return folder
