"""Encode an image, ask it for names; beside it torchvision's Mask R-CNN.

The peers have random weights and see the same 640 x 480 pixels. Random weights detect nothing, so their
post-processing is replaced by 20 fixed detections: that spares them its cost and gives them few masks.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import Any

import cv2
import harness
import numpy as np
import torch
import torchvision
from harness import Case
from torch import Tensor
from torchvision.models.detection import MaskRCNN, maskrcnn_resnet50_fpn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import mobilenet_backbone

from zsi_core.files import resources_dir
from zsi_core.images import read_image
from zsi_core.inference import EncodedImage, Segmenter
from zsi_core.inference.vocabulary import VocabularyBuilder

HEIGHT, WIDTH = 480, 640
PICTURE, NAME = "airport.jpg", "airplane"
"""A scene of many things: on one of few, not enough instances are left after suppression."""
MASKS = 10
"""Instances of every query: a number that does not depend on how good the checkpoint is."""
MANY = 1200
PEER_MASKS = 20
COCO_CLASSES = 91


def cases(options: argparse.Namespace) -> tuple[Sequence[Case], dict[str, Any]]:
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    segmenter = Segmenter.load(options.model, device="cpu")
    image = cv2.resize(read_image(resources_dir() / "demo" / PICTURE), (WIDTH, HEIGHT))
    encoded = segmenter.encode(image)
    many = _many_names(segmenter)
    one_threshold = _threshold(segmenter, encoded, [NAME])
    many_threshold = _threshold(segmenter, encoded, many)

    def ask_one() -> object:
        return segmenter.query(encoded, [NAME], threshold=one_threshold, max_instances=MASKS)

    def ask_many() -> object:
        return segmenter.query(encoded, many, threshold=many_threshold, max_instances=MASKS)

    def forget_masks() -> None:
        encoded.pixel_features.clear()

    def forget_all() -> None:
        forget_masks()
        segmenter.vocabularies = VocabularyBuilder(segmenter.vocabularies.table, segmenter.vocabularies.seen)

    def forget_all_but_names() -> None:
        forget_all()
        segmenter.vocabularies.build(many)

    one, many_told = f"one more class, {MASKS} masks", f"{MANY} names, {MASKS} masks"
    ours = [
        Case("encode 640 x 480", lambda: segmenter.encode(image), goal_ms=250, first_goal_ms=350),
        Case(f"{one} of new regions", ask_one, prepare=forget_all, goal_ms=20, first_goal_ms=30),
        Case(f"{one} of known regions", ask_one, prepare=ask_one, goal_ms=20, first_goal_ms=30),
        Case(
            f"{many_told} of new regions",
            ask_many,
            prepare=forget_all_but_names,
            goal_ms=100,
            first_goal_ms=200,
        ),
        Case(f"{many_told}, names never asked before", ask_many, prepare=forget_all),
    ]
    peers = {"MobileNetV3-Large FPN": _mobilenet(), "ResNet-50 FPN": _resnet()}
    tensor = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    theirs = [
        Case(f"Mask R-CNN {name}, {PEER_MASKS} masks, {kind}", partial(_detect, peer, tensor, dtype))
        for name, peer in peers.items()
        for kind, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
    ]
    details = {
        "model": segmenter.checkpoint.path.name,
        "checkpoint_sha256": segmenter.checkpoint.sha256,
        "precision": str(segmenter.dtype).removeprefix("torch."),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }
    return [*ours, *theirs], details


def _many_names(segmenter: Segmenter) -> list[str]:
    words = [word for word in segmenter.vocabularies.table.words if word.isalpha() and word.islower()]
    return [words[i] for i in np.random.default_rng(0).choice(len(words), MANY, replace=False)]


def _threshold(segmenter: Segmenter, encoded: EncodedImage, names: Sequence[str]) -> float:
    """The score of the last instance that is wanted, so that no more are found."""
    found = segmenter.query(encoded, names, threshold=0.0, max_instances=MASKS)
    assert len(found) == MASKS, f"{MASKS} instances are needed, but got {len(found)}"
    return float(found.scores[-1])


def _mobilenet() -> MaskRCNN:
    """As torchvision's `fasterrcnn_mobilenet_v3_large_fpn`, with a mask head."""
    backbone = mobilenet_backbone(backbone_name="mobilenet_v3_large", weights=None, fpn=True)
    anchors = AnchorGenerator(((32, 64, 128, 256, 512),) * 3, ((0.5, 1.0, 2.0),) * 3)
    return _peer(MaskRCNN(backbone, COCO_CLASSES, HEIGHT, WIDTH, rpn_anchor_generator=anchors))


def _resnet() -> MaskRCNN:
    return _peer(
        maskrcnn_resnet50_fpn(
            weights=None, weights_backbone=None, num_classes=COCO_CLASSES, min_size=HEIGHT, max_size=WIDTH
        )
    )


def _peer(model: MaskRCNN) -> MaskRCNN:
    def detections(
        logits: Tensor, deltas: Tensor, proposals: list[Tensor], sizes: list[tuple[int, int]]
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        chosen = proposals[0][:PEER_MASKS]
        return [chosen], [torch.ones(len(chosen))], [torch.ones(len(chosen), dtype=torch.int64)]

    model.roi_heads.postprocess_detections = detections
    return model.eval().to(memory_format=torch.channels_last)


@torch.inference_mode()
def _detect(model: MaskRCNN, image: Tensor, dtype: torch.dtype) -> object:
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        return model([image])


if __name__ == "__main__":
    harness.run("Encode and query", cases)
