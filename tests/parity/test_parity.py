"""The `reference` profile computes what the authors' modules computed, and the comparison notices when not.

Files in `fixtures` hold their numbers (see `cut_fixtures.py`). Word vectors of the benchmark are not in the
repository: what depends on them is compared in the tests marked `shared`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from zsi_core.model import ModelConfig, mmdetection
from zsi_core.model.parity import ParityFile, Report, compare, heads, masks, read_parity_file
from zsi_core.model.parity.__main__ import main

FIXTURES = Path(__file__).parent / "fixtures"
PRIMITIVES, RPN, BOX, MASK = (
    FIXTURES / f"{name}.npz" for name in ("primitives", "rpn_65_15", "bbox_65_15", "mask_65_15")
)


@pytest.fixture(autouse=True)
def no_words_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZSI_TEST_DATA", raising=False)


@pytest.fixture
def words(test_data: Path) -> Path:
    return test_data / "word_vectors" / "reference"


def differing(report: Report) -> set[str]:
    return {c.name.split(" ")[0] for c in report.comparisons if not c.agrees}


def compared(report: Report) -> set[str]:
    return {c.name.split(" ")[0] for c in report.comparisons}


def test_primitives_agree_and_every_convention_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    report = compare(read_parity_file(PRIMITIVES))
    assert compared(report) == {"enc", "dec", "pooled", "nms_keep", "mask_target"}
    assert report.agrees
    assert not report.unknown

    for name, other, expected in (
        ("continuous", lambda boxes: boxes, {"enc", "dec", "pooled", "nms_keep", "mask_target"}),
        ("clip", lambda boxes, size: boxes, {"dec"}),
        ("LARGEST_CHANGE", 1.0, {"dec"}),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(mmdetection, name, other)
            assert differing(compare(read_parity_file(PRIMITIVES))) & expected, name


def test_region_pooling_of_torchvision_would_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    align = mmdetection.roi_align

    def with_least_size(*given: object, **options: object) -> torch.Tensor:
        return align(*given, **(options | {"aligned": False}))

    monkeypatch.setattr(mmdetection, "roi_align", with_least_size)
    assert differing(compare(read_parity_file(PRIMITIVES))) == {"pooled"}


def test_the_region_proposal_network_agrees() -> None:
    report = compare(read_parity_file(RPN))
    assert report.agrees, differing(report)
    assert compared(report) == {
        *(f"{kind}{level}" for kind in ("cls", "reg") for level in range(5)),
        *("bg", "props0", "props1", "loss_rpn_cls", "loss_rpn_bbox"),
    }
    assert not report.unknown


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("inside", lambda boxes, size: boxes[:, 0] > -1e9, {"loss_rpn_cls"}),
        ("continuous", lambda boxes: boxes, {"props0", "props1", "loss_rpn_bbox"}),
        ("clip", lambda boxes, size: boxes, {"props0", "props1"}),
    ],
)
def test_the_region_proposal_network_differs_without_a_convention(
    monkeypatch: pytest.MonkeyPatch, name: str, other: Callable, expected: set[str]
) -> None:
    monkeypatch.setattr(mmdetection, name, other)
    assert differing(compare(read_parity_file(RPN))) >= expected


def test_the_detector_agrees_as_far_as_it_needs_no_word_vectors() -> None:
    report = compare(read_parity_file(BOX))
    assert report.agrees, differing(report)
    assert compared(report) == {
        *("x_semantic", "d_feature", "bbox_pred"),
        *("zsi_dets", "zsi_labels", "gzsi_dets", "gzsi_labels"),
    }
    assert report.left_out
    assert not report.unknown


def test_detections_differ_with_other_boxes_for_unseen_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unseen class k takes the box of seen class k; the next slot is another box."""
    decode = mmdetection.ClampedBoxCoder.decode_single
    monkeypatch.setattr(
        mmdetection.ClampedBoxCoder, "decode_single", lambda *given: decode(*given).roll(4, dims=1)
    )
    assert differing(compare(read_parity_file(BOX))) >= {"zsi_dets", "gzsi_dets"}


def test_the_mask_head_agrees_as_far_as_it_needs_no_word_vectors() -> None:
    report = compare(read_parity_file(MASK))
    assert report.agrees, differing(report)
    assert compared(report) == {"conv4", "d_x"}
    assert not report.unknown


@pytest.mark.parametrize("path", [PRIMITIVES, BOX])
def test_a_changed_number_is_noticed(path: Path) -> None:
    with np.load(path) as stored:
        arrays = {name: stored[name].copy() for name in stored.files}
    name = {PRIMITIVES: "dec", BOX: "bbox_pred"}[path]
    place = np.unravel_index(np.abs(arrays[name]).argmax(), arrays[name].shape)
    arrays[name][place] *= 1 + 2e-5
    report = compare(ParityFile(path, arrays))
    assert name in differing(report)
    assert not report.agrees


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(PRIMITIVES) as stored:
        arrays = {name: stored[name] for name in ("dets", "nms_keep")}
    good, bad, odd, damaged = (tmp_path / f"{name}.npz" for name in ("good", "bad", "odd", "damaged"))
    np.savez(good, **arrays, sharpness=np.zeros((2, 3)))
    np.savez(bad, **(arrays | {"nms_keep": arrays["nms_keep"][::-1][:41]}))
    np.savez(odd, sharpness=np.zeros(3))
    damaged.write_bytes(b"PK nothing")
    assert main([str(good)]) == 0
    assert "not known to this program: sharpness float64[2, 3]" in capsys.readouterr().out
    assert main([str(good), str(bad)]) == 1
    assert "DIFF nms_keep" in capsys.readouterr().out
    assert main([str(odd)]) == 1
    assert "nothing in it can be compared" in capsys.readouterr().out
    assert main([str(damaged)]) == 2
    assert "damaged.npz cannot be read" in capsys.readouterr().err


@pytest.mark.shared
@pytest.mark.parametrize("path", [BOX, MASK])
def test_everything_agrees_with_the_word_vectors(path: Path, words: Path) -> None:
    report = compare(read_parity_file(path), words)
    assert report.agrees, differing(report)
    assert not report.left_out
    assert not report.unknown
    assert {"zsi_scores", "gzsi_dets", "loss_semantic"} <= compared(report) or {
        *("seen_logits", "zsi_logits", "loss_mask", "zsi_paste", "gzsi_paste")
    } <= compared(report)


@pytest.mark.shared
def test_direct_scores_would_differ(monkeypatch: pytest.MonkeyPatch, words: Path) -> None:
    monkeypatch.setattr(
        heads, "posterior_scores", lambda logits, seen, background, names: logits[:, :1] * 0 + names[:, 0]
    )
    assert differing(compare(read_parity_file(BOX), words)) >= {"zsi_scores", "zsi_dets", "gzsi_dets"}


@pytest.mark.shared
def test_direct_unseen_masks_and_padded_pasting_would_differ(
    monkeypatch: pytest.MonkeyPatch, words: Path
) -> None:
    monkeypatch.setattr(masks, "through_seen", lambda names, seen, background: names)
    monkeypatch.setattr(mmdetection, "to_photograph", lambda boxes, scale: boxes / scale)
    assert differing(compare(read_parity_file(MASK), words)) == {
        *("zsi_logits", "gzsi_unseen_logits", "zsi_paste", "gzsi_paste")
    }


@pytest.mark.shared
def test_word_vectors_of_another_split_are_refused(words: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(BOX), "--words", str(words / "word_w2v_withbg_48_17.txt")]) == 2
    assert (
        "no word vectors of background, 65 seen and 15 unseen classes (81 columns)" in capsys.readouterr().err
    )


def test_a_split_is_read_from_the_arrays() -> None:
    """The sizes of 48/17: the same weights by name, other shapes."""
    with np.load(BOX) as stored:
        arrays = {name: stored[name] for name in ("v_b", "x_semantic")}
    arrays |= {"logits": np.zeros((12, 49), np.float32), "zsi_scores": np.zeros((12, 18), np.float32)}
    report = compare(ParityFile(BOX, arrays))
    assert report.agrees
    assert report.notes == ["48 seen and 17 unseen classes"]
    assert ModelConfig.reference(48).box_slots == 48


def test_word_vectors_in_the_file_itself_are_used() -> None:
    with np.load(BOX) as stored:
        arrays = {name: stored[name] for name in stored.files}
    report = compare(ParityFile(BOX, arrays | {"words": np.ones((300, 81), np.float32)}))
    assert not report.left_out
    assert differing(report) >= {"logits", "zsi_scores"}, "because those are not the benchmark's"
