"""The real engine process with a real model: what it answers is what `Segmenter` says in this process."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import pytest
import torch

from zsi_core.engine.client import EngineClient, Event, Patience, State
from zsi_core.engine.replies import Encoded, ModelInfo
from zsi_core.engine.requests import (
    CheckHealth,
    CheckPresence,
    DescribeNames,
    Drop,
    Encode,
    Explain,
    LoadModel,
    Query,
    SegmentBox,
    SegmentPoint,
)
from zsi_core.errors import CheckpointError, EngineError, ImageError, NameResolutionError
from zsi_core.files import resources_dir
from zsi_core.images import read_image
from zsi_core.inference import EncodedImage, Segmenter
from zsi_core.instances import Instances

SECONDS = 240
"""Patience of the tests; none of them needs it."""
LOW = 0.001
"""A threshold that random weights pass."""
MEGABYTES = 1
"""Memory for encoded images: of the demo pictures some five fit."""
PICTURE = resources_dir() / "demo" / "cat_on_sofa.jpg"


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return []


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, events: list[Event]) -> Iterator[EngineClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZSI_CACHE", str(tmp_path_factory.mktemp("cache")))
        with EngineClient(
            threads=1,
            options=("--memory-megabytes", str(MEGABYTES)),
            patience=Patience(answer=8.0),
            on_event=events.append,
        ) as client:
            yield client


@pytest.fixture(scope="module")
def model(client: EngineClient, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelInfo:
    """The tiny model, calibrated so that its random weights show something."""
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path_factory.mktemp("models") / "tiny"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["calibration"] = {"threshold": 4 * LOW}
    with (folder / "config.json").open("w", encoding="utf-8") as stream:
        json.dump(config, stream)
    return client.ask(LoadModel(str(folder))).result(SECONDS)


@pytest.fixture(scope="module")
def segmenter(model: ModelInfo) -> Iterator[Segmenter]:
    """The same model in this process, with the arithmetic of the engine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Segmenter.load(model.folder, device=model.device, dtype=getattr(torch, model.precision))
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def encoded(segmenter: Segmenter) -> EncodedImage:
    return segmenter.encode(read_image(PICTURE))


def assert_equal(got: Instances, expected: Instances) -> None:
    assert len(expected) > 0
    for field in ("names", "masks", "runner_up_names", "image_size"):
        assert getattr(got, field) == getattr(expected, field)
    for field in ("boxes", "scores", "runner_up_scores", "region_indices"):
        np.testing.assert_array_equal(getattr(got, field), getattr(expected, field))


# ---------------------------------------------------------------- answers


def test_the_model_says_what_provenance_needs(model: ModelInfo, segmenter: Segmenter) -> None:
    info = segmenter.checkpoint.info
    assert (model.name, model.checkpoint_sha256) == ("tiny", segmenter.checkpoint.sha256)
    assert (model.words_sha256, model.seen) == (info.words_sha256, info.seen)
    assert model.threshold == segmenter.calibration.threshold
    assert model.seen_penalty == segmenter.calibration.seen_penalty


def test_a_query_finds_what_the_segmenter_finds(
    client: EngineClient, segmenter: Segmenter, encoded: EncodedImage
) -> None:
    names = ("cat", "hair drier", "Sofa")
    for mode in ("zsi", "gzsi"):
        got = client.ask(Query(str(PICTURE), names, mode, LOW, 20)).result(SECONDS)  # type: ignore[arg-type]
        expected = segmenter.query(encoded, names, mode=mode, threshold=LOW, max_instances=20)  # type: ignore[arg-type]
        assert_equal(got, expected)
    got = client.ask(Query(str(PICTURE), names, "gzsi", LOW, 20, seen_penalty=3.0)).result(SECONDS)
    vocabulary = segmenter.vocabularies.build(names, "gzsi")
    expected = segmenter.find(encoded, vocabulary, threshold=LOW, max_instances=20, seen_penalty=3.0)
    assert_equal(got, expected)


def test_a_slider_has_room_below_the_threshold_of_the_model(
    client: EngineClient, segmenter: Segmenter, encoded: EncodedImage
) -> None:
    expected = segmenter.query(encoded, ["cat"], threshold=segmenter.calibration.threshold / 4)
    assert_equal(client.ask(Query(str(PICTURE), ("cat",))).result(SECONDS), expected)


def test_clicks_and_drawn_boxes_are_answered(
    client: EngineClient, segmenter: Segmenter, encoded: EncodedImage
) -> None:
    box = (40.0, 50.0, 300.0, 280.0)
    for name in (None, "cat"):
        got = client.ask(SegmentBox(str(PICTURE), box, name)).result(SECONDS)
        assert_equal(got, segmenter.segment_box(encoded, box, name))
    x, y = next(
        (x, y)
        for y in range(20, encoded.image_size[0], 40)
        for x in range(20, encoded.image_size[1], 40)
        if len(segmenter.segment_point(encoded, (x, y)))
    )
    got = client.ask(SegmentPoint(str(PICTURE), float(x), float(y))).result(SECONDS)
    assert_equal(got, segmenter.segment_point(encoded, (x, y)))


def test_a_name_is_explained(client: EngineClient, segmenter: Segmenter, encoded: EncodedImage) -> None:
    got = client.ask(Explain(str(PICTURE), region=3, names=("cat",), top=4)).result(SECONDS)
    assert got == segmenter.explain(encoded, 3, ["cat"], top=4)
    box = (40.0, 50.0, 300.0, 280.0)
    got = client.ask(Explain(str(PICTURE), box=box)).result(SECONDS)
    assert got == segmenter.explain(encoded, box)


def test_absent_names_are_those_below_the_threshold(
    client: EngineClient, model: ModelInfo, segmenter: Segmenter, encoded: EncodedImage
) -> None:
    names = ("Cat", "cat", "zebra")
    presence = client.ask(CheckPresence(str(PICTURE), names)).result(SECONDS).names
    assert tuple(p.name for p in presence) == names
    assert presence[0].best_score == presence[1].best_score
    for found in presence:
        best = segmenter.query(encoded, ["Cat", "zebra"], threshold=0.0).scores[0]
        assert 0 < found.best_score <= best + 1e-6
        assert found.probably_absent == (found.best_score < model.threshold)
    assert max(p.best_score for p in presence) == pytest.approx(best)


def test_typed_names_are_described(client: EngineClient, model: ModelInfo) -> None:
    names = ("dogs", "forklifts", "bike", "bicycle", "catz")
    report = client.ask(DescribeNames(names)).result(SECONDS)
    by_name = {found.name: found for found in report.names}
    assert tuple(by_name) == names
    assert (by_name["forklifts"].step, by_name["forklifts"].used) == ("singular", ("forklift",))
    assert by_name["dogs"].singular == "dog"
    assert by_name["dogs"].nearest_seen[0][0] == "dog"
    assert by_name["catz"].step == "none"
    assert "cat" in by_name["catz"].suggestions
    assert by_name["bike"].expectation
    assert [(a, b) for a, b, _ in report.near_duplicates] == [("bike", "bicycle")]


# ---------------------------------------------------------------- errors


def test_errors_arrive_as_what_they_are_and_name_the_file(
    client: EngineClient, model: ModelInfo, tmp_path: Path
) -> None:
    damaged = tmp_path / "damäged.jpg"
    with damaged.open("wb") as stream:
        stream.write(PICTURE.read_bytes()[:3000])
    cases = [
        (Query(str(tmp_path / "gone.jpg"), ("cat",)), ImageError, r"gone\.jpg cannot be read"),
        (Query(str(damaged), ("cat",)), ImageError, r"damäged\.jpg is damaged"),
        (Query(str(PICTURE), ("qwxyzz",)), NameResolutionError, "no word vector for 'qwxyzz'"),
        (SegmentPoint(str(PICTURE), -1.0, 5.0), EngineError, "the point must lie in the image"),
        (Explain(str(PICTURE), region=10_000), EngineError, "region must be from 0"),
        (Explain(str(PICTURE)), EngineError, "needs a region or a box"),
        (LoadModel("no-such-model"), CheckpointError, "no model is called 'no-such-model'"),
    ]
    for request, kind, told in cases:
        with pytest.raises(kind, match=told):
            client.ask(request).result(SECONDS)
    assert client.ask(CheckHealth()).result(SECONDS).model == "tiny", "the former model is still there"


# ---------------------------------------------------------------- memory


def test_memory_stays_within_its_budget(client: EngineClient, model: ModelInfo) -> None:
    pictures = sorted(str(path) for path in PICTURE.parent.glob("*.jpg"))
    for path in pictures:
        client.ask(Query(path, ("cat",), threshold=LOW)).result(SECONDS)
    health = client.ask(CheckHealth()).result(SECONDS)
    assert health.bytes_in_memory <= MEGABYTES << 20
    assert 1 <= health.images_in_memory < len(pictures)


def test_the_next_images_are_encoded_ahead(
    client: EngineClient, model: ModelInfo, pictures: list[Path]
) -> None:
    client.ask(Drop()).result(SECONDS)
    paths = [str(path) for path in pictures]
    futures = client.look_ahead([*paths, "gone.jpg"])
    with pytest.raises(ImageError, match=r"gone\.jpg"):
        futures[-1].result(SECONDS)
    assert [f.result(SECONDS).source for f in futures[:-1]] == ["network"] * len(paths)
    assert client.ask(Encode(paths[0])).result(SECONDS).source in ("memory", "disk")


# ---------------------------------------------------------------- crash and hang


@pytest.mark.slow
def test_after_a_kill_and_a_freeze_everything_is_answered_as_before(
    client: EngineClient, model: ModelInfo, segmenter: Segmenter, encoded: EncodedImage, events: list[Event]
) -> None:
    client.ask(Drop()).result(SECONDS)
    request = Query(str(PICTURE), ("cat",), threshold=LOW)
    expected = segmenter.query(encoded, ["cat"], threshold=LOW)
    for end, told in ((signal.SIGKILL, "it was killed"), (signal.SIGSTOP, "it gave no sign of life")):
        assert_equal(client.ask(request).result(SECONDS), expected)
        process = client.ask(CheckHealth()).result(SECONDS).process
        events.clear()
        pending = [client.ask(Encode(str(path))) for path in sorted(PICTURE.parent.glob("*.jpg"))]
        os.kill(process, end)
        wait(pending, SECONDS)
        failed = [f for f in pending if f.exception()]
        assert len(failed) <= 2, "no more than what was worked on"
        assert all(isinstance(f.result(), Encoded) for f in pending if f not in failed)
        assert [event.state for event in events] == [State.STARTING, State.RUNNING]
        assert told in events[0].message
        assert_equal(client.ask(request).result(SECONDS), expected)
        again = client.ask(CheckHealth()).result(SECONDS)
        assert again.process != process
        assert again.model == model.name
    assert client.ask(Encode(str(PICTURE))).result(SECONDS).source == "memory"
