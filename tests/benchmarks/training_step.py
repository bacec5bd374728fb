"""A training step of the default network; beside it torchvision's Mask R-CNN.

Both have the same backbone (EfficientNet-Lite0) and a pyramid with as many channels, and get the same images,
objects and classes, in the same precision and memory layout, with AdamW. The peer takes the levels P3-P6 and
the number of regions of the default network too; what remains are the two networks' own parts. Weights are
random: the step does not depend on their values, except that ours samples as many regions as are there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import harness
import numpy as np
import torch
import torchvision
from harness import Case
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import MultiScaleRoIAlign

from training.data import Batch
from training.freezing import depthwise_in_float32, freeze
from zsi_core.model import ZSI, ModelConfig, Target
from zsi_core.model.backbone import Backbone

SIDE, IMAGES, OBJECTS, CLASSES = 448, 4, 7, 65
FROZEN_STAGES = 3


class PeerBackbone(nn.Module):
    """Our backbone and pyramid behind the interface that torchvision expects."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.backbone = Backbone(config.backbone, config.pyramid_channels, config.freeze_batch_norm)
        self.out_channels = config.pyramid_channels

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.backbone(images)


def cases(options: argparse.Namespace) -> tuple[Sequence[Case], dict[str, Any]]:
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    config = ModelConfig()
    batch = _batch()
    words = nn.functional.normalize(torch.randn(CLASSES, config.semantic_dimension), dim=1)
    ours = ZSI(config, torch.randn(config.semantic_dimension))
    all_ours = ZSI(config, torch.randn(config.semantic_dimension))
    peer = _peer(config)
    timers = _Timers(ours)
    steps = {
        "ZSI": _step(ours, lambda: ours(batch.images, batch.sizes, words, batch.targets), timers),
        "Mask R-CNN": _step(peer, lambda: peer(*_for_peer(batch))),
        "ZSI, frozen as in the recipes": _step(
            all_ours,
            lambda: all_ours(batch.images, batch.sizes, words, batch.targets),
            frozen=FROZEN_STAGES,
        ),
    }
    details = {
        "images": IMAGES,
        "side": SIDE,
        "objects_per_image": OBJECTS,
        "classes": CLASSES,
        "precision": "bfloat16 mixed",
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "parts_of_zsi_ms": timers.best_ms,
    }
    return [Case(name, step) for name, step in steps.items()], details


def _peer(config: ModelConfig) -> MaskRCNN:
    backbone = PeerBackbone(config)
    levels = [f"P{level}" for level in config.levels[:-1]]
    anchors = AnchorGenerator(
        tuple(tuple(scale * stride for scale in config.anchor_scales) for stride in config.strides),
        (config.anchor_ratios,) * len(config.strides),
    )
    return MaskRCNN(
        backbone,
        1 + CLASSES,
        min_size=SIDE,
        max_size=SIDE,
        rpn_anchor_generator=anchors,
        rpn_pre_nms_top_n_train=500,
        rpn_post_nms_top_n_train=config.proposals_train,
        box_roi_pool=MultiScaleRoIAlign(levels, 7, 2),
        mask_roi_pool=MultiScaleRoIAlign(levels, 14, 2),
        box_batch_size_per_image=config.regions_train,
        box_positive_fraction=config.positive_fraction,
    )


def _step(
    model: nn.Module,
    losses: Callable[[], dict[str, Tensor]],
    timers: _Timers | None = None,
    frozen: int = 0,
) -> Callable[[], object]:
    model.train().to(memory_format=torch.channels_last)
    backbone = next(module for module in model.modules() if isinstance(module, Backbone))
    freeze(backbone, frozen)
    depthwise_in_float32(backbone)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-6)
    timed = (lambda _: _nothing()) if timers is None else timers.time

    def step() -> None:
        torch.manual_seed(0)
        with timed("forward"), torch.autocast("cpu", torch.bfloat16):
            total = sum(losses().values())
        optimizer.zero_grad()
        with timed("backward"):
            total.backward()
        with timed("optimizer"):
            optimizer.step()

    return step


def _batch() -> Batch:
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 255, (IMAGES, 3, SIDE, SIDE), dtype=np.uint8))
    targets = []
    for _ in range(IMAGES):
        corner = rng.uniform(0, SIDE * 0.6, (OBJECTS, 2))
        sides = rng.uniform(SIDE * 0.1, SIDE * 0.4, (OBJECTS, 2))
        boxes = np.concatenate([corner, corner + sides], axis=1).astype(np.float32)
        masks = np.zeros((OBJECTS, SIDE, SIDE), dtype=np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int), strict=True):
            mask[y1:y2, x1:x2] = 1
        targets.append(
            Target(
                torch.from_numpy(boxes),
                torch.from_numpy(rng.integers(0, CLASSES, OBJECTS)),
                torch.from_numpy(masks),
                torch.ones(OBJECTS, dtype=torch.bool),
                torch.zeros(0, 4),
            )
        )
    images = images.contiguous(memory_format=torch.channels_last)
    return Batch(images, [(SIDE, SIDE)] * IMAGES, targets, [])


def _for_peer(batch: Batch) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    targets = [{"boxes": t.boxes, "labels": t.labels + 1, "masks": t.masks} for t in batch.targets]
    return list(batch.images.float() / 255), targets


class _Timers:
    """Best time of each part of a step."""

    def __init__(self, model: ZSI) -> None:
        self.best_ms: dict[str, float] = {}
        for name in ("backbone", "rpn.head", "box_pool", "detector", "mask_pool"):
            module = model.get_submodule(name)
            module.forward = self._timed(f"forward: {name}", module.forward)
        assert model.mask_head is not None
        model.mask_head.visual = self._timed("forward: mask_head", model.mask_head.visual)
        model.rpn.propose = self._timed("forward: rpn, head included", model.rpn.propose)
        model.rpn._losses = self._timed("forward: rpn targets and losses", model.rpn._losses)

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        took = (time.perf_counter() - start) * 1000
        self.best_ms[name] = min(took, self.best_ms.get(name, took))

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.time(name):
                return function(*args, **kwargs)

        return timed


@contextmanager
def _nothing() -> Iterator[None]:
    yield


if __name__ == "__main__":
    harness.run("Training step", cases)
