"""The classifier beside the network: its file, what it looks at, and what becomes of its answers."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from zsi_core.checkpoint import (
    SECOND_OPINION,
    SecondOpinionInfo,
    load_checkpoint,
    save_checkpoint,
)
from zsi_core.errors import CheckpointError
from zsi_core.inference import Segmenter
from zsi_core.inference.classifier import NamedClassifier, crop
from zsi_core.inference.second_opinion import Opinions, SecondOpinion, second_opinion_file

NETWORK = "tf_efficientnet_lite0"
NAMES, SIDE, REGIONS = 12, 32, 4


@pytest.fixture(scope="module")
def classifier() -> NamedClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = timm.create_model(NETWORK, pretrained=False, num_classes=NAMES)
        names = torch.nn.functional.normalize(torch.randn(NAMES, 300), dim=1)
    return NamedClassifier(network, names.half().float(), dtype=torch.float32)


@pytest.fixture(scope="module")
def with_classifier(tiny_checkpoint: Path, classifier: NamedClassifier, tmp_path_factory) -> Path:
    """The tiny checkpoint with a classifier beside it."""
    content = second_opinion_file(classifier)
    digest = hashlib.sha256(content).hexdigest()
    loaded = load_checkpoint(tiny_checkpoint)
    info = replace(loaded.info, second_opinion=SecondOpinionInfo(NETWORK, digest, 0.5, REGIONS, SIDE))
    folder = tmp_path_factory.mktemp("models") / "with_classifier"
    save_checkpoint(folder, loaded.model, info, "# tiny\n", second_opinion=content)
    return folder


class Counting:
    """Stands in for the network and counts the crops that it is shown."""

    def __init__(self) -> None:
        self.names = torch.eye(3)
        self.shown: list[int] = []

    def vectors(self, crops: list[np.ndarray]) -> torch.Tensor:
        self.shown.append(len(crops))
        return torch.eye(3)[torch.arange(len(crops)) % 3]


def about(boxes: list[list[float]], objectness: list[float]) -> tuple[Opinions, Counting]:
    counting = Counting()
    opinion = SecondOpinion(counting, SecondOpinionInfo("x", "", 0.5, REGIONS, SIDE))  # type: ignore[arg-type]
    image = np.zeros((100, 200, 3), dtype=np.uint8)
    found = opinion.about(image, torch.tensor(boxes).reshape(-1, 4), torch.tensor(objectness))
    return found, counting


def test_a_crop_shows_a_margin_and_stays_inside() -> None:
    image = np.zeros((100, 200, 3), dtype=np.uint8)
    image[40:60, 40:60] = 255
    inside = crop(image, (40, 40, 60, 60), 260)
    assert inside is not None
    assert inside[130, 130, 0] == 255
    assert inside[10, 130, 0] == 0, "3 of 26 pixels are margin"
    at_the_edge = crop(image, (-10, -10, 30, 30), 10)
    assert at_the_edge is not None
    assert at_the_edge.shape == (10, 10, 3)
    assert crop(image, (300, 10, 320, 30), 10) is None


def test_the_most_object_like_distinct_regions_are_looked_at() -> None:
    boxes = [[i * 20.0, 0.0, i * 20.0 + 18, 30.0] for i in range(6)]
    almost_the_first = [1.0, 0.0, 19.0, 30.0]
    tiny = [150.0, 50.0, 160.0, 60.0]
    found, counting = about([*boxes, almost_the_first, tiny], [0.9, 0.1, 0.8, 0.7, 0.2, 0.6, 0.85, 0.99])
    assert found.boxes.tolist() == [boxes[0], boxes[2], boxes[3], boxes[5]]
    assert counting.shown == [REGIONS]


def test_few_regions_fill_the_same_batch() -> None:
    found, counting = about([[0.0, 0.0, 30.0, 30.0]], [0.5])
    assert len(found.boxes) == len(found.vectors) == 1
    assert counting.shown == [REGIONS]


def test_nothing_to_look_at() -> None:
    found, counting = about([], [])
    assert len(found.boxes) == len(found.vectors) == 0
    assert counting.shown == []
    assert found.join(torch.tensor([[3.0, 4.0, 0.0]]), torch.zeros(1, 4)).tolist() == [
        pytest.approx([0.6, 0.8, 0.0])
    ]


def test_an_opinion_holds_for_regions_on_the_same_object() -> None:
    opinions = Opinions(
        torch.tensor([[0.0, 0.0, 20.0, 20.0], [50.0, 0.0, 70.0, 20.0]]), torch.eye(3)[:2], weight=0.5
    )
    boxes = torch.tensor([[0.0, 0.0, 20.0, 15.0], [50.0, 0.0, 70.0, 20.0], [100.0, 0.0, 120.0, 20.0]])
    joined = opinions.join(torch.tensor([[0.0, 0.0, 2.0]] * 3), boxes)
    assert joined.tolist() == [[0.5, 0.0, 1.0], [0.0, 0.5, 1.0], [0.0, 0.0, 1.0]]


def test_the_file_gives_back_the_classifier(
    with_classifier: Path, classifier: NamedClassifier, same_arithmetic
) -> None:
    loaded = Segmenter.load(with_classifier, device="cpu", dtype=torch.float32).second_opinion
    assert loaded is not None
    crops = [np.random.default_rng(i).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for i in range(3)]
    expected = classifier.vectors(crops)
    assert torch.allclose(loaded.classifier.vectors(crops), expected, atol=0.02)
    assert torch.allclose(expected.norm(dim=1), torch.ones(3), atol=1e-5)


def test_it_has_a_say_in_names_and_in_nothing_else(
    tiny_checkpoint: Path, with_classifier: Path, same_arithmetic
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    alone, joined = (Segmenter.load(path, device="cpu") for path in (tiny_checkpoint, with_classifier))
    one, two = alone.encode(image), joined.encode(image)
    assert torch.equal(one.boxes, two.boxes)
    assert torch.equal(one.regions.objectness, two.regions.objectness)
    assert one.opinions is None
    assert two.opinions is not None
    assert torch.equal(two.regions.features, two.opinions.join(one.regions.features, two.boxes))
    assert not torch.allclose(
        two.regions.features, torch.nn.functional.normalize(one.regions.features, dim=1)
    )


def test_a_drawn_box_gets_the_opinion_about_its_object(with_classifier: Path, same_arithmetic) -> None:
    segmenter = Segmenter.load(with_classifier, device="cpu")
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    encoded = segmenter.encode(image)
    assert encoded.opinions is not None
    drawn = encoded.opinions.boxes[0].tolist()
    without = replace(encoded, opinions=None)
    told = segmenter.segment_box(encoded, drawn, "dog").scores[0]
    assert told != segmenter.segment_box(without, drawn, "dog").scores[0]


@pytest.mark.parametrize("damage", ["missing", "other"])
def test_a_damaged_file_is_named(with_classifier: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(with_classifier, folder)
    if damage == "missing":
        (folder / SECOND_OPINION).unlink()
        expected = r"second_opinion.safetensors cannot be read .*: copy the checkpoint again"
    else:
        (folder / SECOND_OPINION).write_bytes(b"other")
        expected = r"second_opinion.safetensors is not the file that config.json beside it names"
    with pytest.raises(CheckpointError, match=expected):
        Segmenter.load(folder, device="cpu")


@pytest.mark.parametrize("values", [{}, {"weight": 0.0}, {"regions": "many"}])
def test_a_damaged_description_is_named(with_classifier: Path, tmp_path: Path, values: dict) -> None:
    folder = tmp_path / "model"
    shutil.copytree(with_classifier, folder)
    config = json.loads((folder / "config.json").read_text())
    config["second_opinion"] = {**config["second_opinion"], **values} if values else {}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"config.json: 'second_opinion' must hold network, sha256"):
        load_checkpoint(folder)
