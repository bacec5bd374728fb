"""Drawn data sets, and recipes and networks small enough to train in a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from training.data import Batch
from training.engine import Trainer
from training.recipe import DataSpec, Recipe
from zsi_core.checkpoint import CheckpointInfo, load_checkpoint, save_checkpoint
from zsi_core.model import ZSI, ModelConfig, Target
from zsi_core.semantics import WordTable

SMALL = {
    "backbone": "test_efficientnet",
    "pyramid_channels": 16,
    "box_features": 32,
    "mask_channels": 16,
    "proposals_train": 40,
    "regions_train": 32,
}
COLOURS = ((230, 40, 40), (40, 230, 40), (40, 40, 230))


@pytest.fixture
def write_set(tmp_path: Path) -> Callable[..., DataSpec]:
    """Write a COCO-format set below `tmp_path` and describe it.

    Arguments are its name, categories as {id: name} and a list of annotations for each image, whose mask is
    their box unless they say otherwise; `size` is (height, width), anything else goes into the description.
    """

    def write(
        name: str,
        categories: dict[int, str],
        images: list[list[dict[str, Any]]],
        size: tuple[int, int] = (64, 80),
        **spec: Any,
    ) -> DataSpec:
        height, width = size
        folder = tmp_path / name
        folder.mkdir()
        content: dict[str, list] = {
            "images": [],
            "annotations": [],
            "categories": [{"id": i, "name": n} for i, n in categories.items()],
        }
        for number, objects in enumerate(images):
            pixels = np.full((height, width, 3), 60, dtype=np.uint8)
            for annotation in objects:
                x, y, w, h = (round(v) for v in annotation["bbox"])
                pixels[y : y + h, x : x + w] = COLOURS[annotation["category_id"] % 3]
                given = {"id": len(content["annotations"]) + 1, "image_id": number}
                outline = {"segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]]}
                content["annotations"].append(given | outline | annotation)
            Image.fromarray(pixels).save(folder / f"{number}.png")
            content["images"].append(
                {"id": number, "file_name": f"{number}.png", "width": width, "height": height}
            )
        (folder / "labels.json").write_text(json.dumps(content))
        return DataSpec(name, f"{name}/labels.json", name, **spec)

    return write


@pytest.fixture
def make_recipe() -> Callable[..., Recipe]:
    """A recipe of the given sets; keyword arguments are fields of Recipe."""

    def make(*sets: DataSpec, **fields: Any) -> Recipe:
        small = {
            "canvases": ((64, 64),),
            "cache_megabytes": 0,
            "batch_size": 2,
            "steps": 3,
            "warmup_steps": 1,
            "frozen_stages": 0,
            "precision": "float32",
        }
        return Recipe("small", "coco_65_15", sets or (DataSpec("a", "a.json", "a"),), **(small | fields))

    return make


@pytest.fixture
def make_model() -> Callable[..., ZSI]:
    """A small network with seeded weights; keyword arguments are fields of ModelConfig."""

    def make(**fields: Any) -> ZSI:
        torch.manual_seed(0)
        config = ModelConfig(**(SMALL | {"semantic_dimension": 8} | fields))
        return ZSI(config, torch.randn(config.semantic_dimension))

    return make


@pytest.fixture
def batch() -> Batch:
    """Two images with two bright rectangles each, of classes 0 and 2."""
    images = torch.full((2, 3, 64, 64), 50, dtype=torch.uint8)
    targets = []
    for image, shift in zip(images, (0, 6), strict=True):
        boxes = torch.tensor([[4.0, 6.0, 30.0, 26.0], [24.0 + shift, 30.0, 50.0 + shift, 58.0]])
        masks = torch.zeros(2, 64, 64, dtype=torch.uint8)
        for mask, (x1, y1, x2, y2), channel in zip(masks, boxes.int().tolist(), (0, 2), strict=True):
            mask[y1:y2, x1:x2] = 1
            image[channel, y1:y2, x1:x2] = 230
        both = torch.ones(2, dtype=torch.bool)
        targets.append(Target(boxes, torch.tensor([0, 2]), masks, both, torch.zeros(0, 4)))
    return Batch(images, [(64, 64), (64, 60)], targets, [])


@pytest.fixture
def words() -> torch.Tensor:
    """(3, 8) unit word vectors."""
    return torch.nn.functional.normalize(torch.randn(3, 8, generator=torch.Generator().manual_seed(1)), dim=1)


@pytest.fixture
def make_trainer(make_model, make_recipe, words: torch.Tensor) -> Callable[..., Trainer]:
    """A trainer of the small network in float32; keyword arguments are fields of Recipe."""

    def make(**fields: Any) -> Trainer:
        return Trainer(make_model(), make_recipe(**fields), words, bf16=False)

    return make


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory, small_network: ModelConfig) -> Path:
    """A checkpoint of a small network on the bundled word table, so that no ImageNet weights are needed."""
    table = WordTable.bundled()
    torch.manual_seed(0)
    model = ZSI(small_network, torch.from_numpy(table.vector("background")))
    folder = tmp_path_factory.mktemp("start") / "small"
    save_checkpoint(folder, model, CheckpointInfo(small_network, ("dog",), "0" * 64, table.sha256), "")
    return folder


@pytest.fixture
def recipe(make_recipe, write_set, start: Path) -> Recipe:
    """Three steps on three drawn images; a fourth one shows an unseen class."""
    dog, car = {"category_id": 4, "bbox": [10, 10, 30, 30]}, {"category_id": 9, "bbox": [30, 20, 40, 40]}
    cat = {"category_id": 5, "bbox": [10, 10, 30, 30]}
    spec = write_set("drawn", {4: "dog", 5: "cat", 9: "car"}, [[dog], [car, dog], [car], [cat, dog]])
    return make_recipe(spec, model=load_checkpoint(start).info.model)
