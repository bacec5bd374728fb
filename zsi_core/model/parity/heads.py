"""Zero-shot detector: outputs, losses, scores and detections.

Shapes
    R  regions    D  length of a word vector    n  seen classes    u  unseen classes    K  names
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor

from zsi_core.model import ZSI, Target, mmdetection
from zsi_core.model.detector import DecoderThroughWords, EncoderThroughWords
from zsi_core.model.parity import network
from zsi_core.model.parity.compare import Report
from zsi_core.model.parity.files import ParityFile
from zsi_core.model.parity.network import Words
from zsi_core.model.parity.seeded import seeded
from zsi_core.model.sampling import SampledRegions
from zsi_core.model.transfer import posterior_scores

HELD = ("logits", "bbox_pred", "x_semantic", "d_feature", "zsi_dets", "gzsi_dets", "loss_loss_semantic")

PREFIX, GAIN = "bbox_head.", 1.2
CHANNELS, SIDE, WORDS, WORD_NORM = 256, 7, 128, 0.76663
SCORES = ("zsi_scores", "gzsi_seen_scores", "gzsi_unseen_scores")
THRESHOLD, KEPT = 0.05, 100


def seeded_detector(file: ParityFile, seen: int) -> ZSI:
    """The network whose detector has the weights of the parity files."""
    dimension, stored = len(file["v_b"]), file.get("voc")
    vocabulary = seeded("voc", (dimension, WORDS)) if stored is None else stored
    if stored is None:
        vocabulary = vocabulary / vocabulary.norm(dim=0) * WORD_NORM
    model = network.build(seen, semantic_dimension=dimension, vocabulary_words=vocabulary.shape[1])
    head = model.detector
    assert isinstance(head.T_e, EncoderThroughWords)
    assert isinstance(head.T_d, DecoderThroughWords)
    head.T_e.vocabulary.copy_(vocabulary)
    network.fill(
        {
            "shared_fcs.0": head.fc1,
            "shared_fcs.1": head.fc2,
            "fc_reg": head.deltas,
            "fc_semantic": head.T_e.fc,
            "kernel_semantic": head.T_e.kernel,
            "d_kernel_semantic": head.T_d.kernel,
            "d_fc_semantic": head.T_d.fc,
        },
        PREFIX,
        GAIN,
    )
    return model


def compare_detector(file: ParityFile, words: Path | None, report: Report) -> None:
    """Everything that a file with `logits`, `bbox_pred`, ... holds."""
    seen = file["logits"].shape[1] - 1
    unseen = file["zsi_scores"].shape[1] - 1
    model = seeded_detector(file, seen)
    stored = file.get("x")
    x = seeded("roi7", (len(file["logits"]), CHANNELS, SIDE, SIDE)).abs() if stored is None else stored
    f, e, deltas = model.detector(x)
    report.check(file, "x_semantic", f, "x_semantic (f)")
    report.check(file, "d_feature", model.detector.reconstructed(e), "d_feature (T_d)")
    report.check(file, "bbox_pred", deltas)
    known = network.words_of(file, words, seen, unseen, report)
    if known is None:
        file.leave("labels", "bbox_targets", "loss_loss_semantic", "loss_loss_bbox", "loss_bbox_loss_ed")
        report.left_out.append("logits, scores and losses: word vectors are needed (--words)")
        scores = {name: file[name] for name in SCORES if name in file}
    else:
        v_b = file["v_b"].flatten()
        if not network.synchronised(e, file["logits"][:, 0], v_b, known.background):
            report.notes.append('the detector\'s background is the word "background": Sync-bg is off')
            v_b = known.background
        scores = _compare_scores(file, report, model, e, known, v_b)
        _compare_losses(file, report, model, x, known, v_b)
    _compare_detections(file, report, model, deltas, scores)


def _compare_scores(
    file: ParityFile, report: Report, model: ZSI, e: Tensor, words: Words, v_b: Tensor
) -> dict[str, Tensor]:
    background = v_b.expand(len(e), -1)
    logits = model.detector.scores(e, words.seen, background)
    report.add("logits", logits, file["logits"])
    scores = {}
    for name, columns in zip(SCORES, (words.unseen, words.seen, words.unseen), strict=True):
        names = torch.cat([v_b[None], columns])
        scores[name] = posterior_scores(logits, words.seen, background, names)
        report.check(file, name, scores[name])
    return scores


def _compare_losses(
    file: ParityFile, report: Report, model: ZSI, x: Tensor, words: Words, v_b: Tensor
) -> None:
    """The losses of `ZSI`, whose pooled regions are the file's."""
    if "loss_loss_semantic" not in file:
        return
    labels = file["labels"]
    boxes = mmdetection.continuous(file["rois"][:, 1:])
    # Objects lie where the file's regression targets take the regions.
    objects = model.box_coder.decode_single(file["bbox_targets"], boxes)
    count = len(labels)
    target = Target(
        boxes=objects,
        labels=(labels - 1).clamp(min=0),
        masks=torch.zeros(count, 0, 0, dtype=torch.uint8),
        has_mask=torch.zeros(count, dtype=torch.bool),
        ignore=torch.zeros(0, 4),
    )
    sampled = SampledRegions(boxes, labels, torch.arange(count))
    model.box_pool = network.Given(x)
    losses = model._detector_losses(OrderedDict(), words.seen, [target], [sampled], v_b[None], None)
    for ours, theirs in (
        ("loss_semantic", "loss_loss_semantic"),
        ("loss_bbox", "loss_loss_bbox"),
        ("loss_reconstruction_detector", "loss_bbox_loss_ed"),
    ):
        report.check(file, theirs, losses[ours].total / losses[ours].count, ours)


def _compare_detections(
    file: ParityFile, report: Report, model: ZSI, deltas: Tensor, scores: dict[str, Tensor]
) -> None:
    """The lists of ZSI and GZSI: class k takes the box of slot k, of either group."""
    if "img_hw" not in file:
        return
    from zsi_core.inference.scoring import PROTOCOL, detect

    height, width = file["img_hw"].tolist()
    rois = mmdetection.continuous(file["rois"][:, 1:])
    boxes = model.box_coder.decode_single(deltas, rois).view(len(rois), -1, 4)
    boxes = mmdetection.clip(boxes, (height, width))
    boxes = mmdetection.to_photograph(boxes, float(file["scale_factor"]))
    lists = {}
    for name, score in scores.items():
        names = score.shape[1] - 1
        found = detect(boxes[:, 1 : 1 + names], score[:, 1:], names, THRESHOLD, KEPT, PROTOCOL)
        corners = mmdetection.inclusive(boxes[found.regions, 1 + found.names])
        lists[name] = torch.cat([corners, found.scores[:, None]], dim=1), found.names
    results = {"zsi": lists["zsi_scores"]}
    if {"gzsi_seen_scores", "gzsi_unseen_scores"} <= set(lists):
        seen, unseen = lists["gzsi_seen_scores"], lists["gzsi_unseen_scores"]
        labels = torch.cat([seen[1], unseen[1] + model.config.box_slots])
        results["gzsi"] = torch.cat([seen[0], unseen[0]]), labels
    for name, (detections, labels) in results.items():
        report.check(file, f"{name}_dets", detections)
        report.check(file, f"{name}_labels", labels)
