"""BA-RPN: outputs, background vector, proposals and losses.

Shapes
    B  images    D  length of a word vector    A  anchors per location    L  anchors of all levels
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from zsi_core.model import ModelConfig, Target, mmdetection
from zsi_core.model.parity.compare import Report
from zsi_core.model.parity.files import ParityFile
from zsi_core.model.parity.seeded import seeded, weight
from zsi_core.model.rpn import ANCHORS_TRAINED, POSITIVE_FRACTION, RPN

HELD = ("cls0", "reg0", "bg", "props0", "loss_rpn_cls", "loss_rpn_bbox")

PREFIX, GAIN, NOISE = "rpn_head.", 1.0, 0.02
CHANNELS = 256


class FirstSampler:
    """Takes the first candidates in the order of the anchors, where training chooses at random."""

    def __init__(self, count: int, positive_fraction: float) -> None:
        self.count = count
        self.positives = int(count * positive_fraction)

    def sample(
        self, labels: Sequence[Tensor], targets: Sequence[Target]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Masks (L,) of the positive and of the negative samples of each image."""
        positive = [_first(label >= 1, self.positives) for label in labels]
        negative = [
            _first(label == 0, self.count - int(chosen.sum()))
            for label, chosen in zip(labels, positive, strict=True)
        ]
        return positive, negative


def _first(wanted: Tensor, count: int) -> Tensor:
    return wanted & (wanted.cumsum(dim=0) <= count)


def seeded_rpn(file: ParityFile, **changes: int) -> RPN:
    """BA-RPN with the weights of the parity files; the word "background" follows from the file's v_b.

    Args:
        changes: fields of the configuration that differ.
    """
    dimension = len(file["bg"])
    config = ModelConfig.reference(1, semantic_dimension=dimension, pyramid_channels=CHANNELS, **changes)
    anchors = len(config.anchor_scales) * len(config.anchor_ratios)
    noise = torch.stack([seeded(f"bgnoise{2 * i}", (dimension,), NOISE) for i in range(anchors)])
    word = file["bg"].flatten() - noise.mean(dim=0)
    rpn = RPN(config, word)
    head = rpn.head
    for name, layer in (("rpn_conv", head.conv), ("rpn_cls_conv_T", head.T), ("rpn_reg", head.deltas)):
        for part in ("weight", "bias"):
            parameter = getattr(layer, part)
            parameter.copy_(weight(f"{PREFIX}{name}.{part}", parameter.shape, GAIN))
    pairs = weight(f"{PREFIX}vec_fb.weight", (2 * anchors, dimension, 1, 1), GAIN)
    head.W_bf.copy_(pairs.view(anchors, 2, dimension))
    head.W_bf[:, 0] = word + noise
    rpn.fg_bg_sampler = FirstSampler(ANCHORS_TRAINED, POSITIVE_FRACTION)  # type: ignore[assignment]
    return rpn.eval()


def compare_rpn(file: ParityFile, words: Path | None, report: Report) -> None:
    """Everything that a file with `cls0`, `reg0`, ... holds."""
    levels = [i for i in range(len(ModelConfig.reference(1).levels)) if f"cls{i}" in file]
    limits = {}
    if "nms_pre" in file:
        limits = {
            "candidates_test": int(file["nms_pre"]),
            "proposals_per_level": int(file["nms_post"]),
            "proposals_test": int(file["max_num"]),
        }
    rpn = seeded_rpn(file, **limits)
    pyramid = []
    for i in levels:
        batch, _, height, width = file[f"cls{i}"].shape
        stored = file.get(f"feat{i}")
        shape = (batch, CHANNELS, height, width)
        pyramid.append(seeded(f"fpn{i}", shape) if stored is None else stored)
    hidden, objectness, deltas = rpn.head(pyramid)
    for i, own in zip(levels, objectness, strict=True):
        both = file[f"cls{i}"].unflatten(1, (-1, 2))
        report.add(f"cls{i} (foreground - background)", own, both[:, :, 1] - both[:, :, 0])
    for i, own in zip(levels, deltas, strict=True):
        report.check(file, f"reg{i}", own)
    v_b = rpn.head.background_vector(hidden, objectness, [])[0]
    report.add("bg (v_b)", v_b, file["bg"].flatten())
    if "props0" not in file and "loss_rpn_cls" not in file:
        return
    height, width = file["img_hw"].tolist()
    file.leave("pad_hw")  # what the sizes of the levels say already
    sizes = [(height, width)] * len(pyramid[0])
    targets = [_target(file.get(f"gt{i}")) for i in range(len(sizes))]
    out = rpn.propose(pyramid, sizes, targets)
    for i, (boxes, scores) in enumerate(zip(out.proposals, out.objectness, strict=True)):
        own = torch.cat([mmdetection.inclusive(boxes), scores[:, None]], dim=1)
        report.check(file, f"props{i}", own)
    for name in ("loss_rpn_cls", "loss_rpn_bbox"):
        if name in file:
            loss = out.losses[name]
            report.add(f"{name} (all levels)", loss.total / loss.count, file[name].sum())


def _target(boxes: Tensor | None) -> Target:
    boxes = torch.zeros(0, 4) if boxes is None else mmdetection.continuous(boxes)
    return Target(
        boxes=boxes,
        labels=torch.zeros(len(boxes), dtype=torch.int64),
        masks=torch.zeros(len(boxes), 0, 0, dtype=torch.uint8),
        has_mask=torch.zeros(len(boxes), dtype=torch.bool),
        ignore=torch.zeros(0, 4),
    )
