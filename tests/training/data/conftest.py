"""Training images without chance: every view the same, colours as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.data import Draw, Item, TrainingImages, dataset, read_samples
from training.recipe import DataSpec, Recipe
from training.transforms import View

CLASSES = ("dog", "car", "hair drier")


@pytest.fixture
def unchanged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace the random view by a fixed one, which can be changed by calling this."""

    def use(scale: float = 1.0, left: float = 0.0, top: float = 0.0) -> None:
        def view(photograph: tuple[int, int], canvas: tuple[int, int], *_: object) -> View:
            height, width = photograph
            size = (min(canvas[0], int(height * scale - top)), min(canvas[1], int(width * scale - left)))
            return View(np.array([[scale, 0.0, -left], [0.0, scale, -top]]), size, canvas, photograph)

        monkeypatch.setattr(dataset, "random_view", view)

    use()
    return use


@pytest.fixture
def make_images(tmp_path: Path, make_recipe: Callable[..., Recipe]) -> Callable[..., TrainingImages]:
    """Training images of sets, colours as they are; keyword arguments are fields of Recipe."""

    def make(*sets: DataSpec, teacher_dir: Path | None = None, **fields: Any) -> TrainingImages:
        fields = {"canvases": ((80, 80),), "colour_jitter": 0.0, "cache_megabytes": 1} | fields
        recipe = make_recipe(*sets, **fields)
        return TrainingImages(read_samples(recipe, tmp_path, CLASSES)[0], recipe, 4, teacher_dir)

    return make


@pytest.fixture
def items_of(make_images: Callable[..., TrainingImages], unchanged: object) -> Callable[..., list[Item]]:
    """Every image of sets in file order, in the fixed view."""

    def read(*sets: DataSpec, **options: Any) -> list[Item]:
        images = make_images(*sets, **options)
        return [images[Draw(i, i, images.recipe.canvases[0])] for i in range(len(images))]

    return read
