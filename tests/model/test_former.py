"""A network is held to what it said before: each of its heads, on the regions that no label speaks about."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from zsi_core.model import ZSI
from zsi_core.model import former as module
from zsi_core.model.former import Former, former_losses

HEADS = {
    "loss_former_rpn": ("rpn.head.T.weight", "rpn.head.deltas.weight", "rpn.head.W_bf"),
    "loss_former_detector": ("detector.T_e.weight", "detector.deltas.weight", "detector.iou.weight"),
    "loss_former_semantic": ("detector.T_e.weight", "rpn.head.W_bf", "detector.log_temperature"),
    "loss_former_mask": ("mask_head.convs.0.weight", "mask_head.E.weight"),
}

WORDS = torch.nn.functional.normalize(torch.randn(5, 16, generator=torch.Generator().manual_seed(1)), dim=1)


@pytest.fixture
def model(make_model) -> ZSI:
    return make_model(detector_decoder=False, mask_decoder=False, iou_head=True).train()


def held_to(model: ZSI) -> Former:
    """The network as it is now; it shares its backbone."""
    network = copy.deepcopy(model).eval().requires_grad_(False)
    network.backbone = model.backbone
    return Former(network, 1.0)


def losses(model: ZSI, former: Former, scene) -> dict[str, float]:
    images, sizes, targets = scene
    sums = former_losses(model, former, images, model.pyramid(images, sizes), sizes, WORDS, targets)
    return {name: float(loss.total.detach()) for name, loss in sums.items()}


def rehearsed(scene):
    images, sizes, targets = scene
    return images, sizes, [replace(target, rehearsed=True) for target in targets]


def test_a_network_as_it_was_has_nothing_to_answer_for(model, scene) -> None:
    assert losses(model, held_to(model), rehearsed(scene)) == pytest.approx(
        dict.fromkeys(HEADS, 0.0), abs=1e-3
    )


@pytest.mark.parametrize(
    ("loss", "weight"), [(loss, weight) for loss, weights in HEADS.items() for weight in weights]
)
def test_whatever_a_head_says_differently_counts_and_is_pulled_back(model, scene, loss, weight) -> None:
    former = held_to(model)
    parameter = model.get_parameter(weight)
    with torch.no_grad():
        parameter += 0.3 * torch.randn_like(parameter).sign()
    assert losses(model, former, rehearsed(scene))[loss] > 0.01
    images, sizes, targets = rehearsed(scene)
    sums = former_losses(model, former, images, model.pyramid(images, sizes), sizes, WORDS, targets)
    sums[loss].total.backward()
    assert parameter.grad.abs().sum() > 0
    assert all(p.grad is None for name, p in former.network.named_parameters() if "backbone" not in name)


def test_of_new_images_the_features_of_unlabelled_regions_are_held_alone(model, scene) -> None:
    targets = scene[2]
    former = held_to(model)
    assert set(losses(model, former, scene)) == {"loss_former_detector"}
    everything = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    proposals = torch.cat([targets[0].boxes, everything])
    assert module._held(proposals, targets[0]).tolist() == everything.tolist()
    ignored = replace(targets[0], ignore=everything)
    assert module._held(proposals, ignored).tolist() == []
    assert module._held(proposals, replace(ignored, rehearsed=True)).tolist() == proposals.tolist()


def test_a_backbone_that_learns_is_compared_with_the_former_one(model, scene) -> None:
    former = Former(copy.deepcopy(model).eval().requires_grad_(False), 1.0)
    assert losses(model, former, rehearsed(scene)) == pytest.approx(dict.fromkeys(HEADS, 0.0), abs=1e-3)
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    assert min(losses(model, former, rehearsed(scene)).values()) > 0.01


def test_all_losses_have_the_weight(model, scene) -> None:
    former = held_to(model)
    with torch.no_grad():
        for parameter in (
            *model.rpn.parameters(),
            *model.detector.parameters(),
            *model.mask_head.parameters(),
        ):
            parameter += 0.02
    once, thrice = (losses(model, Former(former.network, w), rehearsed(scene)) for w in (1.0, 3.0))
    assert thrice == pytest.approx({name: 3 * value for name, value in once.items()}, rel=1e-5)


def test_images_without_regions_to_hold_are_fine(model, scene, monkeypatch) -> None:
    monkeypatch.setattr(module, "COVERED", 0.0)  # whatever lies anywhere is that of a label
    images, sizes, targets = scene
    sums = former_losses(model, held_to(model), images, model.pyramid(images, sizes), sizes, WORDS, targets)
    assert sums["loss_former_detector"].count == 0
    assert sums["loss_former_detector"].total == 0.0


def test_labels_of_rehearsed_images_say_nothing_where_a_former_network_does(model, words, scene) -> None:
    images, sizes, targets = scene
    former = held_to(model)

    def of_labels(targets, former) -> dict[str, float]:
        torch.manual_seed(0)
        losses = model(images, sizes, words, targets, former=former)
        return {name: float(loss.detach()) for name, loss in losses.items() if "former" not in name}

    mixed = [targets[0], replace(targets[1], rehearsed=True)]
    empty = [replace(t, labels=t.labels + t.rehearsed) for t in mixed]  # another name for its objects
    assert of_labels(mixed, former) == of_labels(empty, former)
    assert of_labels(mixed, None) != of_labels(empty, None)
    assert of_labels(rehearsed(scene)[2], former) == {}
