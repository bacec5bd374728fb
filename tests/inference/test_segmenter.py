"""The contract of `Segmenter`, on a network with random weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.ops import box_iou

from zsi_core.checkpoint import load_checkpoint
from zsi_core.errors import CheckpointError, NameResolutionError, WordTableError, ZsiError
from zsi_core.files import resources_dir
from zsi_core.images import read_image
from zsi_core.inference import EncodedImage, Segmenter
from zsi_core.inference.scoring import PROTOCOL
from zsi_core.inference.vocabulary import VocabularyBuilder
from zsi_core.instances import Instances
from zsi_core.semantics import WordTable

SEEN = {"dog", "car", "person"}
LOW = 0.001
"""A threshold that random weights pass."""


@pytest.fixture(scope="module")
def segmenter(tiny_checkpoint: Path) -> Segmenter:
    return Segmenter(load_checkpoint(tiny_checkpoint), WordTable.bundled(), dtype=torch.float32)


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return read_image(resources_dir() / "demo" / "cat_on_sofa.jpg")


@pytest.fixture
def encoded(segmenter: Segmenter, photograph: np.ndarray) -> EncodedImage:
    return segmenter.encode(photograph)


@pytest.fixture
def calls(segmenter: Segmenter) -> Iterator[Counter[str]]:
    """How often the backbone ran, and how many regions went through the mask head."""
    count: Counter[str] = Counter()
    model = segmenter.model
    handles = [
        model.backbone.register_forward_hook(lambda *_: count.update(backbone=1)),
        model.mask_head.register_forward_hook(lambda _, __, y: count.update(masked=len(y))),
    ]
    yield count
    for handle in handles:
        handle.remove()


def summary(found: Instances) -> list[tuple[int, str, float]]:
    return [
        (region, name, round(score, 5))
        for region, name, score in zip(
            found.region_indices.tolist(), found.names, found.scores.tolist(), strict=True
        )
    ]


def spot(segmenter: Segmenter, encoded: EncodedImage, name: str) -> tuple[int, int]:
    """x, y of a pixel in the largest mask of a name."""
    found = segmenter.query(encoded, [name], threshold=LOW)
    rows, columns = np.nonzero(found.mask(int(found.mask_areas.argmax())))
    return int(columns[len(columns) // 2]), int(rows[len(rows) // 2])


# ---------------------------------------------------------------- encode once


def test_the_backbone_runs_once_whatever_is_asked(
    segmenter: Segmenter, photograph: np.ndarray, calls: Counter[str]
) -> None:
    encoded = segmenter.encode(photograph)
    assert calls == {"backbone": 1}
    for names in (["cat"], ["cat", "fork"], ["remote control"]):
        segmenter.query(encoded, names, threshold=LOW)
    segmenter.query(encoded, ["cat"], mode="gzsi")
    segmenter.segment_box(encoded, (10, 10, 100, 100), "cat")
    segmenter.segment_point(encoded, (300, 200))
    segmenter.explain(encoded, 0, ["cat"])
    assert calls["backbone"] == 1


def test_the_mask_head_sees_a_region_once(
    segmenter: Segmenter, encoded: EncodedImage, calls: Counter[str]
) -> None:
    first = segmenter.query(encoded, ["cat"], threshold=LOW)
    assert calls["masked"] == len(set(first.region_indices.tolist())) > 0
    again = segmenter.query(encoded, ["cat"], threshold=LOW)
    assert calls["masked"] == len(encoded.pixel_features)
    assert again.masks == first.masks
    segmenter.query(encoded, ["fork", "dog"], threshold=LOW)
    assert calls["masked"] == len(encoded.pixel_features)


def test_an_encoding_knows_its_size(segmenter: Segmenter, encoded: EncodedImage) -> None:
    assert encoded.image_size == (407, 640)
    assert len(encoded) == len(encoded.boxes) == len(encoded.regions.features) > 10
    assert encoded.fitted.pixels.numel() == 0
    before = encoded.nbytes
    found = segmenter.query(encoded, ["cat"], threshold=LOW)
    assert encoded.nbytes - before == len(set(found.region_indices.tolist())) * 32 * 28 * 28 * 2


def kinds() -> dict[str, Image.Image]:
    grey16 = np.linspace(0, 60000, 40 * 30).reshape(30, 40).astype(np.uint16)
    return {
        "one pixel": Image.new("RGB", (1, 1), (9, 9, 9)),
        "one row": Image.new("RGB", (300, 1)),
        "one column": Image.new("RGB", (1, 300)),
        "grey": Image.new("L", (40, 30), 77),
        "alpha": Image.new("RGBA", (40, 30), (200, 0, 0, 128)),
        "palette": Image.new("P", (40, 30), 3),
        "16-bit": Image.fromarray(grey16),
        "black": Image.new("RGB", (40, 30)),
    }


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_of_image(segmenter: Segmenter, tmp_path: Path, kind: str) -> None:
    image = kinds()[kind]
    image.save(tmp_path / "image.png")
    found = segmenter.query(
        segmenter.encode(read_image(tmp_path / "image.png")), ["cat", "fork"], threshold=0.0
    )
    assert found.image_size == (image.height, image.width)
    assert {tuple(mask["size"]) for mask in found.masks} == {(image.height, image.width)}
    assert np.isfinite(found.scores).all()


def test_a_photograph_of_48_megapixels(segmenter: Segmenter, photograph: np.ndarray) -> None:
    large = np.asarray(Image.fromarray(photograph).resize((8000, 6000), Image.Resampling.NEAREST))
    found = segmenter.query(segmenter.encode(large), ["cat"], threshold=LOW, max_instances=3)
    assert found.image_size == (6000, 8000)
    assert len(found) == 3
    assert found.mask(0).shape == (6000, 8000)


# ---------------------------------------------------------------- query


def test_masks_lie_in_their_boxes_at_the_size_of_the_photograph(
    segmenter: Segmenter, encoded: EncodedImage
) -> None:
    found = segmenter.query(encoded, ["cat", "fork"], threshold=LOW)
    assert len(found) > 5
    assert found.mask_areas.max() > 100
    for i in range(len(found)):
        mask = found.mask(i)
        assert mask.shape == (407, 640)
        x1, y1, x2, y2 = found.boxes[i]
        assert 0 <= x1 < x2 <= 640
        assert 0 <= y1 < y2 <= 407
        mask[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = False
        assert not mask.any()


def test_results_are_ordered_limited_and_above_the_threshold(
    segmenter: Segmenter, encoded: EncodedImage
) -> None:
    everything = segmenter.query(encoded, ["cat", "fork"], threshold=LOW)
    assert (np.diff(everything.scores) <= 0).all()
    middle = float(everything.scores[len(everything) // 2])
    above = segmenter.query(encoded, ["cat", "fork"], threshold=middle)
    assert summary(above) == summary(everything)[: len(above)]
    assert above.scores.min() >= middle
    three = segmenter.query(encoded, ["cat", "fork"], threshold=LOW, max_instances=3)
    assert summary(three) == summary(everything)[:3]


def test_the_threshold_of_the_checkpoint_is_the_default(segmenter: Segmenter, encoded: EncodedImage) -> None:
    default = segmenter.query(encoded, ["cat"])
    same = segmenter.query(encoded, ["cat"], threshold=segmenter.calibration.threshold)
    assert summary(default) == summary(same)
    assert len(default) < len(segmenter.query(encoded, ["cat"], threshold=LOW))


def test_no_instances_are_an_ordinary_result(segmenter: Segmenter, encoded: EncodedImage) -> None:
    found = segmenter.query(encoded, ["cat"], threshold=1.0)
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)
    assert found.masks == ()
    assert found.image_size == (407, 640)


def test_a_result_does_not_depend_on_the_order_of_the_names(
    segmenter: Segmenter, encoded: EncodedImage
) -> None:
    names = ["cat", "fork", "remote control", "dog"]
    forward = segmenter.query(encoded, names, threshold=LOW)
    backward = segmenter.query(encoded, names[::-1], threshold=LOW)
    assert len(set(forward.names)) > 1
    results = [
        dict(zip(found.region_indices.tolist(), zip(found.names, found.masks, strict=True), strict=True))
        for found in (forward, backward)
    ]
    assert results[0] == results[1]
    np.testing.assert_allclose(forward.scores, backward.scores, rtol=1e-4)


def test_names_of_one_query_compete(segmenter: Segmenter, encoded: EncodedImage) -> None:
    alone = segmenter.query(encoded, ["fork"], threshold=LOW)
    together = segmenter.query(encoded, ["fork", "spoon"], threshold=LOW)
    best = dict(zip(alone.region_indices.tolist(), alone.scores.tolist(), strict=True))
    shared = [
        (best[region], score)
        for region, name, score in summary(together)
        if name == "fork" and region in best
    ]
    assert shared
    assert all(with_rival < without + 1e-6 for without, with_rival in shared)


def test_the_runner_up_is_another_name_and_may_be_one_that_is_not_shown(
    segmenter: Segmenter, encoded: EncodedImage
) -> None:
    found = segmenter.query(encoded, ["cat"], threshold=LOW)
    assert set(found.names) == {"cat"}
    assert "cat" not in found.runner_up_names
    assert "" not in found.runner_up_names
    assert (found.runner_up_scores > 0).all()


def test_generalised_mode_shows_the_seen_classes_too(segmenter: Segmenter, encoded: EncodedImage) -> None:
    only_typed = segmenter.query(encoded, ["cat"], threshold=LOW, mode="zsi")
    assert set(only_typed.names) == {"cat"}
    both = segmenter.query(encoded, ["cat"], threshold=LOW, mode="gzsi")
    assert set(both.names) <= {"cat"} | SEEN
    assert set(both.names) & SEEN
    assert set(segmenter.query(encoded, [], threshold=LOW, mode="gzsi").names) <= SEEN


def test_what_unseen_names_are_favoured_by_may_be_chosen(segmenter: Segmenter, encoded: EncodedImage) -> None:
    vocabulary = segmenter.vocabularies.build(["cat"], "gzsi")

    def seen_share(penalty: float | None) -> float:
        found = segmenter.find(encoded, vocabulary, threshold=LOW, max_instances=100, seen_penalty=penalty)
        return sum(found.scores[[name in SEEN for name in found.names]]) / sum(found.scores)

    assert seen_share(None) == seen_share(segmenter.calibration.seen_penalty)
    assert seen_share(20.0) < seen_share(None) < seen_share(-20.0)


def test_find_takes_any_vocabulary(segmenter: Segmenter, encoded: EncodedImage) -> None:
    plain = VocabularyBuilder(WordTable.bundled(), list(SEEN), with_distractors=False)
    vocabulary = plain.build(["cat", "fork"])
    once = segmenter.find(encoded, vocabulary, threshold=LOW, max_instances=1000)
    regions = once.region_indices.tolist()
    assert len(set(regions)) == len(regions)
    often = segmenter.find(encoded, vocabulary, threshold=LOW, max_instances=1000, suppression=PROTOCOL)
    assert len(often) > len(once)
    assert max(Counter(often.region_indices.tolist()).values()) == 2


def test_find_anything_ranks_regions_whatever_they_are(segmenter: Segmenter, encoded: EncodedImage) -> None:
    vocabulary = segmenter.vocabularies.build(["cat"])
    found = segmenter.find_anything(encoded, vocabulary, max_instances=10)
    assert len(found) == 10
    assert (np.diff(found.scores) <= 0).all()
    assert set(found.names) <= set(vocabulary.names)
    assert all(a != b for a, b in zip(found.names, found.runner_up_names, strict=True))


# ---------------------------------------------------------------- boxes, points, explanations


def test_a_drawn_box_becomes_an_instance(segmenter: Segmenter, encoded: EncodedImage) -> None:
    box = (100.5, 50.0, 300.0, 250.0)
    named = segmenter.segment_box(encoded, box, "remote control")
    assert named.names == ("remote control",)
    assert named.region_indices.tolist() == [-1]
    assert named.boxes.tolist() == [list(box)]
    rows, columns = np.nonzero(named.mask(0))
    assert len(rows)
    assert columns.min() >= 100
    assert columns.max() < 300
    assert rows.min() >= 50
    assert rows.max() < 250
    unnamed = segmenter.segment_box(encoded, box)
    explained = segmenter.explain(encoded, box)
    assert unnamed.names[0] == explained.names[0]
    assert unnamed.runner_up_names[0] == explained.names[1]
    assert unnamed.scores[0] == pytest.approx(explained.scores[0], rel=1e-5)


def test_a_drawn_box_is_cut_at_the_edge_of_the_photograph(
    segmenter: Segmenter, encoded: EncodedImage
) -> None:
    cut = segmenter.segment_box(encoded, (-50, -10, 100, 900), "cat")
    whole = segmenter.segment_box(encoded, (0, 0, 100, 407), "cat")
    assert cut.boxes.tolist() == [[0, 0, 100, 407]]
    assert cut.masks == whole.masks


@pytest.mark.parametrize(
    "box",
    [(640, 0, 700, 50), (-60, 0, 0, 50), (10, 10, 10, 50), (50, 10, 10, 50), (float("nan"), 0, 10, 10)],
)
def test_a_box_without_area_in_the_photograph_is_refused(
    segmenter: Segmenter, encoded: EncodedImage, box: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="must have an area in the image of 640 x 407 pixels, but got"):
        segmenter.segment_box(encoded, box, "cat")


def test_a_click_gives_distinct_masks_over_the_point(segmenter: Segmenter, encoded: EncodedImage) -> None:
    clicks = {(x, y): segmenter.segment_point(encoded, (x, y)) for x in (50, 320, 600.5) for y in (60, 350.9)}
    assert sum(len(found) for found in clicks.values()) > 3
    for (x, y), found in clicks.items():
        assert (np.diff(found.scores) <= 0).all()
        assert all(found.mask(i)[int(y), int(x)] for i in range(len(found)))
        overlap = box_iou(torch.from_numpy(found.boxes), torch.from_numpy(found.boxes)).fill_diagonal_(0)
        assert (overlap < 0.8).all()


def test_a_click_may_say_what_it_is(segmenter: Segmenter, encoded: EncodedImage) -> None:
    found = segmenter.segment_point(encoded, spot(segmenter, encoded, "remote control"), "remote control")
    assert len(found)
    assert set(found.names) == {"remote control"}


def test_a_click_where_no_region_is_gives_nothing(segmenter: Segmenter, encoded: EncodedImage) -> None:
    nothing_there = replace(encoded, boxes=encoded.boxes * 0)
    assert len(segmenter.segment_point(nothing_there, (320, 200))) == 0


@pytest.mark.parametrize("point", [(-1, 5), (640, 5), (5, 407), (float("nan"), 5)])
def test_a_click_outside_is_refused(
    segmenter: Segmenter, encoded: EncodedImage, point: tuple[float, float]
) -> None:
    with pytest.raises(ValueError, match="must lie in the image of 640 x 407 pixels"):
        segmenter.segment_point(encoded, point)


def test_an_explanation_agrees_with_the_query(segmenter: Segmenter, encoded: EncodedImage) -> None:
    found = segmenter.query(encoded, ["cat", "fork"], threshold=LOW, mode="gzsi")
    told = segmenter.explain(encoded, found.region_indices[0], ["cat", "fork"], top=400)
    assert list(told.scores) == sorted(told.scores, reverse=True)
    assert told.margin == pytest.approx(told.scores[0] - told.scores[1])
    assert 0 < told.background < 1
    scores = dict(zip(told.names, told.scores, strict=True))
    assert scores[found.names[0]] == pytest.approx(found.scores[0], rel=1e-5)
    assert scores[found.runner_up_names[0]] == pytest.approx(found.runner_up_scores[0], rel=1e-5)


@pytest.mark.parametrize("region", [-1, 10_000])
def test_an_unknown_region_is_refused(segmenter: Segmenter, encoded: EncodedImage, region: int) -> None:
    with pytest.raises(IndexError, match=f"region must be from 0 to {len(encoded) - 1}, but got {region}"):
        segmenter.explain(encoded, region)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_scores_are_exact_whatever_the_network_computes_in(
    tiny_checkpoint: Path, photograph: np.ndarray, dtype: torch.dtype
) -> None:
    segmenter = Segmenter(load_checkpoint(tiny_checkpoint), WordTable.bundled(), dtype=dtype)
    encoded = segmenter.encode(photograph)
    found = segmenter.segment_point(encoded, spot(segmenter, encoded, "cat"), "cat")
    assert len(found)
    for i, region in enumerate(found.region_indices.tolist()):
        told = segmenter.explain(encoded, region, ["cat"], top=400)
        score = dict(zip(told.names, told.scores, strict=True))["cat"]
        assert found.scores[i] == pytest.approx(score, rel=1e-5)


# ---------------------------------------------------------------- what is refused


def test_unknown_names_are_all_told(segmenter: Segmenter, encoded: EncodedImage) -> None:
    with pytest.raises(NameResolutionError, match=r"qwertzuio.*brrrlfx"):
        segmenter.query(encoded, ["qwertzuio", "cat", "brrrlfx"])


def test_an_unknown_mode_is_refused(segmenter: Segmenter, encoded: EncodedImage) -> None:
    with pytest.raises(ValueError, match="mode must be one of zsi, gzsi"):
        segmenter.query(encoded, ["cat"], mode="all")  # type: ignore[arg-type]


ASKS: dict[str, Callable[[Segmenter, EncodedImage], Any]] = {
    "query": lambda s, e: s.query(e, ["cat"]),
    "find": lambda s, e: s.find(e, s.vocabularies.build(["cat"]), threshold=0.1, max_instances=1),
    "find_anything": lambda s, e: s.find_anything(e, s.vocabularies.build(["cat"])),
    "segment_box": lambda s, e: s.segment_box(e, (0, 0, 9, 9)),
    "segment_point": lambda s, e: s.segment_point(e, (5, 5)),
    "explain": lambda s, e: s.explain(e, 0),
}


@pytest.mark.parametrize("ask", ASKS)
def test_an_image_encoded_by_another_model_is_refused(
    segmenter: Segmenter, encoded: EncodedImage, ask: str
) -> None:
    with pytest.raises(ValueError, match="encoded by another model: encode it again"):
        ASKS[ask](segmenter, replace(encoded, checkpoint_sha256="0" * 64))


def test_another_word_table_is_refused(tiny_checkpoint: Path) -> None:
    bundled = WordTable.bundled()
    other = WordTable(list(bundled.words), np.array(bundled.matrix), "0" * 64, "other.npz")
    with pytest.raises(WordTableError, match=r"other\.npz .* is not the one the model was trained with"):
        Segmenter(load_checkpoint(tiny_checkpoint), other)


def test_seen_classes_with_other_vectors_are_refused(tiny_checkpoint: Path) -> None:
    checkpoint = load_checkpoint(tiny_checkpoint)
    renamed = replace(checkpoint, info=replace(checkpoint.info, seen=("dog", "car", "fork")))
    with pytest.raises(CheckpointError, match="resolve to other vectors than in training"):
        Segmenter(renamed, WordTable.bundled())


def test_a_device_that_does_not_exist_is_refused(tiny_checkpoint: Path) -> None:
    with pytest.raises(ZsiError, match="the device 'toaster' cannot be used"):
        Segmenter.load(tiny_checkpoint, device="toaster")
