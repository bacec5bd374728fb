"""A `reference` checkpoint through the Segmenter: input, boxes of names, scores, masks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from zsi_core.checkpoint import CheckpointInfo, save_checkpoint, vectors_sha256
from zsi_core.inference import EncodedImage, Segmenter
from zsi_core.inference.preprocessing import fit_within
from zsi_core.inference.scoring import PROTOCOL
from zsi_core.model import ZSI, ModelConfig, mmdetection
from zsi_core.semantics import WordTable, resolve_all

SEEN = ("dog", "car", "person")


@pytest.fixture(scope="module")
def make_segmenter(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Segmenter]:
    """Loads a small checkpoint of random weights; keyword arguments are fields of ModelConfig."""

    def make(**fields: object) -> Segmenter:
        table = WordTable.bundled()
        small = {
            "backbone": "resnet18",
            "pyramid_channels": 16,
            "box_features": 32,
            "mask_channels": 16,
            "candidates_test": 60,
            "proposals_test": 30,
        }
        config = ModelConfig.reference(len(SEEN), **(small | fields))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = ZSI(config, torch.from_numpy(np.array(table.vector("background"))))
            torch.nn.init.normal_(model.detector.T_e.weight, std=2.0)
            torch.nn.init.normal_(model.detector.deltas.weight, std=0.3)
        info = CheckpointInfo(
            model=config,
            seen=SEEN,
            seen_sha256=vectors_sha256(resolve_all(table, SEEN)),
            words_sha256=table.sha256,
            preprocessing={"largest_sides": [160, 96]},
            calibration={"threshold": 0.05},
            profile="reference",
        )
        folder = tmp_path_factory.mktemp("reference") / "small"
        save_checkpoint(folder, model, info, "# small\n")
        return Segmenter.load(folder, device="cpu")

    return make


@pytest.fixture(scope="module")
def segmenter(make_segmenter: Callable[..., Segmenter]) -> Segmenter:
    return make_segmenter()


@pytest.fixture(scope="module")
def encoded(segmenter: Segmenter) -> EncodedImage:
    pixels = np.random.default_rng(0).integers(0, 255, (120, 150, 3), dtype=np.uint8)
    return segmenter.encode(pixels)


def test_the_input_has_the_published_size() -> None:
    fitted = fit_within(np.zeros((480, 640, 3), np.uint8), 1333, 800)
    assert (fitted.size, tuple(fitted.pixels.shape)) == ((800, 1067), (1, 3, 800, 1088))
    fitted = fit_within(np.zeros((300, 1000, 3), np.uint8), 1333, 800)
    assert (fitted.size, tuple(fitted.pixels.shape)) == ((400, 1333), (1, 3, 416, 1344))
    boxes = torch.tensor([[10.0, 20.0, 30.0, 50.0]])
    torch.testing.assert_close(fitted.to_canvas(fitted.to_image(boxes)), boxes)
    # Inclusive pixels: the last column is scaled, not the border.
    assert float(fitted.to_image(boxes)[0, 2]) == pytest.approx((30 - 1) / 1.333 + 1)


def test_it_computes_in_float32_and_keeps_features_so(segmenter: Segmenter, encoded: EncodedImage) -> None:
    assert segmenter.dtype == torch.float32
    assert {level.dtype for level in encoded.regions.pyramid.values()} == {torch.float32}


def test_scores_and_boxes_are_those_of_the_formula(segmenter: Segmenter, encoded: EncodedImage) -> None:
    """p W_s^T W_u, the k-th unseen name with the box of the k-th seen class, the first region that fits."""
    model, config = segmenter.model, segmenter.model.config
    names = ["zebra", "dog", "cup"]
    vocabulary = segmenter.vocabularies.build(names, "zsi")
    found = segmenter.find(encoded, vocabulary, threshold=-1.0, max_instances=1000, suppression=PROTOCOL)
    assert {"zebra", "dog", "cup"} == set(found.names)
    table = segmenter.vocabularies.table
    W = config.word_norm * torch.from_numpy(resolve_all(table, names))
    v_b = model.rpn.head.W_bf[:, 0].detach().mean(dim=0)
    W_s = torch.cat([v_b[None], config.word_norm * torch.from_numpy(resolve_all(table, SEEN))])
    with torch.no_grad():
        scores = (encoded.regions.features @ W_s.T).softmax(dim=1) @ W_s @ W.T
    assert encoded.slots is not None
    slots = {"zebra": 1, "dog": 1, "cup": 2}
    for i, name in enumerate(found.names):
        region = int(found.region_indices[i])
        assert found.scores[i] == pytest.approx(float(scores[region, names.index(name)]), rel=1e-4, abs=1e-6)
        np.testing.assert_allclose(found.boxes[i], encoded.slots[region, slots[name]].numpy(), rtol=1e-5)


def test_an_unseen_mask_is_that_of_the_word_as_the_seen_classes_see_it(
    segmenter: Segmenter, encoded: EncodedImage
) -> None:
    head = segmenter.model.mask_head
    assert head is not None
    assert head.E is not None
    norm = segmenter.model.config.word_norm
    table = segmenter.vocabularies.table
    v_b = encoded.regions.background[1]
    W_s = torch.cat([v_b[None], norm * torch.from_numpy(resolve_all(table, SEEN))])
    for name in ("dog", "cup"):
        vocabulary = segmenter.vocabularies.build([name], "zsi")
        found = segmenter.find(encoded, vocabulary, threshold=0.0, max_instances=1, suppression=PROTOCOL)
        region = int(found.region_indices[0])
        assert encoded.regions.slots is not None
        box = encoded.regions.slots[region, 1:2]
        w = norm * torch.from_numpy(resolve_all(table, [name]))[0]
        with torch.no_grad():
            e = head.E(segmenter.model.pixel_features(encoded.regions, box))[0]
            kernel = w if name == "dog" else W_s.T @ (W_s @ w)
            grid = torch.einsum("dhw,d->hw", e, kernel).sigmoid().numpy()
        inside, left, top = mmdetection.pasted(grid, found.boxes[0])
        expected = np.zeros((120, 150), dtype=bool)
        place = expected[top : top + inside.shape[0], left : left + inside.shape[1]]
        place[:] = inside[: place.shape[0], : place.shape[1]]
        assert np.mean(found.mask(0) != expected) < 1e-3, name


def test_a_drawn_box_a_point_and_an_explanation_work(segmenter: Segmenter, encoded: EncodedImage) -> None:
    assert len(segmenter.segment_box(encoded, [10, 10, 80, 90], "cup")) == 1
    assert segmenter.segment_point(encoded, [60, 60]).image_size == (120, 150)
    told = segmenter.explain(encoded, 0, ["cup"])
    assert 0 <= told.background <= 1
    assert told.scores[0] < 0.6, "dot products of vectors of this length, not probabilities"
    anything = segmenter.find_anything(encoded, segmenter.vocabularies.build(["cup"], "gzsi"))
    assert len(anything) > 0
    assert (anything.boxes[:, 2:] > anything.boxes[:, :2]).all()


def test_an_image_without_detections_gives_none(segmenter: Segmenter, encoded: EncodedImage) -> None:
    assert len(segmenter.query(encoded, ["cup"], threshold=0.9)) == 0


def test_direct_scores_are_a_switch(make_segmenter: Callable[..., Segmenter]) -> None:
    direct = make_segmenter(transfer="direct", mask_transfer="direct", box_slots=0)
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    found = direct.query(direct.encode(pixels), ["cup", "dog"], threshold=0.0)
    assert len(found) > 0
    assert found.scores.max() <= 1
