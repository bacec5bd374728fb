"""Boxes, pooling, suppression and mask targets, in the inclusive boxes of the published code.

Shapes
    R  boxes    S  box regressions of a region
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
from torchvision.ops import nms

from zsi_core.model import mmdetection
from zsi_core.model.parity.compare import Report
from zsi_core.model.parity.files import ParityFile

HELD = ("enc", "dec", "pooled", "nms_keep", "mask_target")

STRIDE, NMS = 4, 0.5


def compare_primitives(file: ParityFile, words: Path | None, report: Report) -> None:
    """`enc`, `dec`, `pooled`, `nms_keep` and `mask_target`, whichever a file holds."""
    coder = mmdetection.ClampedBoxCoder(weights=(10.0, 10.0, 5.0, 5.0))
    if "enc" in file:
        found = coder.encode_single(mmdetection.continuous(file["gts"]), mmdetection.continuous(file["rois"]))
        report.add("enc", found, file["enc"])
    if "dec" in file:
        height, width = file["max_shape"].tolist()
        boxes = coder.decode_single(file["deltas"], mmdetection.continuous(file["rois"]))
        boxes = mmdetection.clip(boxes.view(len(boxes), -1, 4), (height, width))
        report.add("dec", mmdetection.inclusive(boxes).flatten(1), file["dec"])
    if "pooled" in file:
        features, rois, pooled = file["feat"], file["roi5"], file["pooled"]
        pool = mmdetection.RoIPool([STRIDE], pooled.shape[-1])
        found = torch.empty_like(pooled)
        for image in range(len(features)):
            own = rois[:, 0] == image
            level = OrderedDict(P2=features[image : image + 1])
            found[own] = pool(level, [mmdetection.continuous(rois[own, 1:])])
        report.add("pooled", found, pooled)
    if "nms_keep" in file:
        detections = file["dets"]
        kept = nms(mmdetection.continuous(detections[:, :4]), detections[:, 4], NMS)
        report.add("nms_keep", kept.sort().values, file["nms_keep"].sort().values)
    if "mask_target" in file:
        truth = file["mask_target"]
        box = mmdetection.continuous(file["gt_box"].float())[None]
        found = mmdetection.mask_targets(
            file["gt_mask"][None], box, torch.zeros(1, dtype=torch.int64), truth.shape[-1]
        )
        report.add("mask_target", found[0].to(truth.dtype), truth)
