"""Fit the IoU head of a network on its own features; everything else keeps its values.

The RPN knows how object-like an anchor is before its box is refined. A linear map of f, fitted afterwards,
says how well the refined box fits (`ModelConfig.iou_head`). Names and masks stay exactly as they were.

Shapes
    R  regions of all images    F  width of the visual feature f    N  objects of an image
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import box_iou

from training.recipe import Recipe
from zsi_core.checkpoint import load_checkpoint, save_checkpoint
from zsi_core.checkpoint.store import CARD
from zsi_core.coco.reader import image_path, read_coco
from zsi_core.errors import TrainingError
from zsi_core.images import read_image
from zsi_core.inference import Segmenter
from zsi_core.model import ZSI
from zsi_core.semantics.table import WordTable

TAUGHT = 0.3
"""Overlap from which a region teaches: what lies on less may be an object that nobody labelled."""

STEPS, REGIONS_PER_STEP = 1500, 2048
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 0.05

Tell = Callable[[str, int, int], None]


def fit_iou_head(
    checkpoint: Path, out: Path, recipe: Recipe, data_root: Path, count: int, tell: Tell = lambda *_: None
) -> None:
    """Write a checkpoint with a fitted IoU head.

    Args:
        checkpoint: folder; an IoU head that it has is fitted anew.
        out: folder to write, without what only training needs.
        recipe: its data sets that are labelled completely are looked at.
        data_root: folder that they are relative to.
        count: images that are looked at, chosen with the seed of the recipe.
        tell: is told what is being done, and how much of how much is.

    Raises:
        TrainingError: no region lies on a labelled object.
    """
    loaded = load_checkpoint(checkpoint)
    config = replace(loaded.info.model, iou_head=True, detector_decoder=False, mask_decoder=False)
    model = ZSI(config, loaded.model.background_word)
    own = model.state_dict()
    model.load_state_dict({name: loaded.model.state_dict().get(name, value) for name, value in own.items()})
    info = replace(loaded.info, model=config, second_opinion=None)
    segmenter = Segmenter(replace(loaded, model=model, info=info), WordTable.bundled(), device="cpu")
    f, overlap = _features(segmenter, recipe, data_root, count, tell)
    fit(segmenter.model.detector.iou, f, overlap, seed=recipe.seed, tell=tell)  # type: ignore[arg-type]
    card = (checkpoint / CARD).read_text(encoding="utf-8")
    save_checkpoint(out, segmenter.model, info, card)


def _features(
    segmenter: Segmenter, recipe: Recipe, data_root: Path, count: int, tell: Tell
) -> tuple[Tensor, Tensor]:
    """f (R, F) of regions on labelled objects, and the overlap (R,) of their refined boxes."""
    seen: list[Tensor] = []
    head = segmenter.model.detector.iou
    assert head is not None
    hook = head.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].float()))
    shown = _images(recipe, data_root)
    random.Random(recipe.seed).shuffle(shown)
    kept, overlaps = [], []
    for done, (path, objects) in enumerate(shown[:count]):
        seen.clear()
        boxes = segmenter.encode(read_image(path)).boxes
        overlap = box_iou(boxes, objects).amax(dim=1)
        taught = overlap >= TAUGHT
        kept.append(seen[0][taught])
        overlaps.append(overlap[taught])
        tell("reading images", done + 1, min(count, len(shown)))
    hook.remove()
    if not sum(len(part) for part in kept):
        raise TrainingError("no region lies on a labelled object: check the recipe's data sets")
    return torch.cat(kept), torch.cat(overlaps)


def _images(recipe: Recipe, data_root: Path) -> list[tuple[Path, Tensor]]:
    """Photographs with objects, and the boxes (N, 4) of these."""
    found: list[tuple[Path, Tensor]] = []
    for spec in recipe.datasets:
        if spec.labelled != "all":
            continue
        content = read_coco(data_root / spec.annotations)
        for image in content.images:
            objects = [a.xyxy for a in content.annotations_of[image.id] if not a.iscrowd]
            if objects:
                boxes = torch.tensor(objects, dtype=torch.float32)
                found.append((image_path(data_root / spec.images, image), boxes))
    return found


def fit(head: nn.Linear, f: Tensor, overlap: Tensor, *, seed: int, tell: Tell = lambda *_: None) -> None:
    """Fit the linear map to predict overlaps (smooth L1, as `ZeroShotDetector.iou_loss`).

    Args:
        head: F -> 1; its weights are replaced.
        f: (R, F) float32.
        overlap: (R,) in [0, 1].
        seed: of the choice of regions.
        tell: is told how many steps are done.
    """
    mean, deviation = f.mean(dim=0), f.std(dim=0).clamp(min=1e-3)
    generator = torch.Generator().manual_seed(seed)
    scaled = nn.Linear(f.shape[1], 1)
    nn.init.zeros_(scaled.weight)
    nn.init.zeros_(scaled.bias)
    optimizer = torch.optim.AdamW(scaled.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, STEPS)
    for step in range(STEPS):
        rows = torch.randint(len(f), (REGIONS_PER_STEP,), generator=generator)
        predicted = scaled((f[rows] - mean) / deviation)[:, 0].sigmoid()
        optimizer.zero_grad()
        F.smooth_l1_loss(predicted, overlap[rows], beta=0.1).backward()
        optimizer.step()
        schedule.step()
        tell("fitting the IoU head", step + 1, STEPS)
    with torch.no_grad():
        head.weight.copy_(scaled.weight / deviation)
        head.bias.copy_(scaled.bias - (scaled.weight @ (mean / deviation)))
