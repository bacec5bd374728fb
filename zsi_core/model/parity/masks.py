"""Semantic Mask Head: features, logits, losses and pasted masks.

Shapes
    R  regions    C  channels    D  length of a word vector    K  names
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zsi_core.model import ZSI, Target, mmdetection
from zsi_core.model.mask_head import MASK_SIZE, POOLED, SemanticMaskHead
from zsi_core.model.parity import network
from zsi_core.model.parity.compare import Report
from zsi_core.model.parity.files import ParityFile
from zsi_core.model.parity.network import Words
from zsi_core.model.parity.seeded import seeded
from zsi_core.model.sampling import SampledRegions
from zsi_core.model.transfer import through_seen

HELD = ("seen_logits", "conv4", "d_x", "zsi_logits", "gzsi_seen_logits", "zsi_paste", "gzsi_paste")

PREFIX, GAIN = "mask_head.", 1.4
CHANNELS = 256
PASTE_SCALE = 1.25
"""Size of the network's input over that of the photograph, where a file does not say it."""


def seeded_mask_head(dimension: int, seen: int) -> tuple[ZSI, SemanticMaskHead]:
    """The network whose mask head has the weights of the parity files, and this head."""
    model = network.build(seen, semantic_dimension=dimension)
    head = model.mask_head
    assert head is not None
    assert head.E_hidden is not None
    assert head.E is not None
    assert isinstance(head.D, torch.nn.Sequential)
    network.fill(
        {
            "convs.3.conv": head.convs[0],
            "upsample": head.upsample,
            "convT.conv": head.E_hidden,
            "kernel_semantic": head.E,
            "d_kernel_semantic": head.D[0],
            "dconvT.conv": head.D[1],
        },
        PREFIX,
        GAIN,
    )
    return model, head


def compare_masks(file: ParityFile, words: Path | None, report: Report) -> None:
    """Everything that a file with `seen_logits`, `conv4`, ... holds."""
    seen, unseen = file["seen_logits"].shape[1] - 1, file["zsi_logits"].shape[1] - 1
    v_b = file["v_b"].flatten()
    model, head = seeded_mask_head(len(v_b), seen)
    assert head.E is not None
    assert head.D is not None
    stored = file.get("x")
    count = len(file["labels"]) if "labels" in file else len(file["seen_logits"])
    x = seeded("roi14", (count, CHANNELS, POOLED, POOLED)).abs() if stored is None else stored
    y = head.visual(x)
    h = head.hidden(y)
    e = head.E(h)
    report.check(file, "conv4", y, "conv4 (y)")
    report.check(file, "d_x", head.D(e), "d_x (D)")
    known = network.words_of(file, words, seen, unseen, report)
    if known is None:
        file.leave(*HELD, "labels", "targets", "loss_loss_mask", "loss_loss_ed", "paste_boxes")
        file.leave("gzsi_unseen_logits", "zsi_paste_labels", "gzsi_paste_labels")
        report.left_out.append("mask logits, pasted masks and losses: word vectors are needed (--words)")
        return
    logits = {}
    for mode, names in (
        ("seen_logits", known.seen),
        ("gzsi_seen_logits", known.seen),
        ("zsi_logits", known.unseen),
        ("gzsi_unseen_logits", known.unseen),
    ):
        if mode in file:
            logits[mode] = _logits(file, report, head, h, e, known, mode, names)
            report.add(mode, logits[mode], file[mode])
    _compare_losses(file, report, model, x, known, v_b)
    _compare_pasted(file, report, seen, logits)


def _logits(
    file: ParityFile,
    report: Report,
    head: SemanticMaskHead,
    h: Tensor,
    e: Tensor,
    words: Words,
    mode: str,
    names: Tensor,
) -> Tensor:
    """(R, 1 + K, 28, 28), background first."""
    v_b, theirs = file["v_b"].flatten(), file[mode][:, 0]
    features = e[: len(theirs)].movedim(1, -1)
    transferred = names is words.unseen

    def kernels(background: Tensor) -> Tensor:
        vectors = torch.cat([background[None], names])
        return through_seen(vectors, words.seen, background.expand_as(vectors)) if transferred else vectors

    if not network.synchronised(features, theirs, kernels(v_b)[0], kernels(words.background)[0]):
        report.notes.append(f'the background of {mode} is the word "background": Sync-bg is off')
        v_b = words.background
    vectors = kernels(v_b)
    maps = [
        head.logits(one.expand(len(vectors), -1, -1, -1), vectors, v_b.expand_as(vectors))
        for one in h[:, None]
    ]
    return torch.stack(maps)


def _compare_losses(
    file: ParityFile, report: Report, model: ZSI, x: Tensor, words: Words, v_b: Tensor
) -> None:
    """The losses of `ZSI`, whose pooled regions are the file's."""
    if "loss_loss_mask" not in file:
        return
    labels, truth = file["labels"], file["targets"]
    # As large as a target, a mask is its own target.
    box = torch.tensor([0.0, 0.0, MASK_SIZE, MASK_SIZE]).expand(len(labels), -1)
    target = Target(
        boxes=box,
        labels=labels - 1,
        masks=truth.to(torch.uint8),
        has_mask=torch.ones(len(labels), dtype=torch.bool),
        ignore=torch.zeros(0, 4),
    )
    sampled = SampledRegions(box, labels, torch.arange(len(labels)))
    model.mask_pool = network.Given(x)
    losses = model._mask_losses(OrderedDict(), words.seen, [target], [sampled], v_b[None])
    for ours, theirs in (("loss_mask", "loss_loss_mask"), ("loss_reconstruction_mask", "loss_loss_ed")):
        report.add(ours, losses[ours].total / losses[ours].count, file[theirs].flatten()[0])


def _compare_pasted(file: ParityFile, report: Report, seen: int, logits: dict[str, Tensor]) -> None:
    """Pasted masks; in GZSI the channels are those of background, seen and unseen classes."""
    channels = {"zsi": logits.get("zsi_logits")}
    if {"gzsi_seen_logits", "gzsi_unseen_logits"} <= set(logits):
        channels["gzsi"] = torch.cat([logits["gzsi_seen_logits"], logits["gzsi_unseen_logits"][:, 1:]], dim=1)
    stored = file.get("scale_factor")
    scale = PASTE_SCALE if stored is None else float(stored)
    for mode, maps in channels.items():
        if f"{mode}_paste" not in file or maps is None:
            continue
        truth, labels = file[f"{mode}_paste"], file[f"{mode}_paste_labels"]
        boxes = mmdetection.to_photograph(mmdetection.continuous(file["paste_boxes"][:, :4]), scale)
        found = np.zeros(truth.shape, dtype=np.uint8)
        for mask, grids, label, box in zip(found, maps, labels.tolist(), boxes, strict=True):
            inside, left, top = mmdetection.pasted(grids[label + 1].sigmoid().numpy(), box.numpy())
            place = mask[top : top + inside.shape[0], left : left + inside.shape[1]]
            place[:] = inside[: place.shape[0], : place.shape[1]]
        report.add(f"{mode}_paste", torch.from_numpy(found), truth)
