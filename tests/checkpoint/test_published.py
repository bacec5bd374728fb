"""Published checkpoints: the imported network computes what the published layers do, or there is none."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zsi_core.checkpoint import load_checkpoint, published, word_table
from zsi_core.cli import main
from zsi_core.errors import CheckpointError
from zsi_core.model import ModelConfig
from zsi_core.semantics import load_split

from .published_entries import random_entries, shapes

DIMENSION, VOCABULARY = 300, 23
SHAPES = Path(__file__).parents[1] / "fixtures" / "published_shapes.json"

SPLIT = 'name = "mine"\nseen = ["dog", "traffic light", "car"]\nunseen = ["cat", "hot dog"]\n'


def small(seen: int, **changes: Any) -> ModelConfig:
    """The published architecture, narrow."""
    narrow = {
        "backbone": "test_resnet",
        "pyramid_channels": 8,
        "box_features": 16,
        "mask_channels": 8,
        "candidates_test": 40,
        "proposals_test": 20,
    }
    return published_reference(seen, **(narrow | changes))


published_reference = ModelConfig.reference


def write_columns(path: Path, columns: np.ndarray) -> Path:
    np.savetxt(path, columns.T, delimiter=",")
    return path


@pytest.fixture
def word_files(tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """Writes random word vectors in the authors' layout and lengths, and a vocabulary."""

    def write(names: int, vocabulary_words: int = VOCABULARY) -> SimpleNamespace:
        rng = np.random.default_rng(0)
        vectors = rng.normal(size=(1 + names, DIMENSION))
        vectors *= 0.76663 / np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors[0] *= 0.32356 / 0.76663
        vocabulary = rng.normal(size=(vocabulary_words, DIMENSION)).astype(np.float32)
        return SimpleNamespace(
            vectors=vectors.astype(np.float32),
            words=write_columns(tmp_path / "word_w2v_withbg.txt", vectors),
            voc=vocabulary,
            vocabulary=write_columns(tmp_path / "vocabulary_w2v.txt", vocabulary),
        )

    return write


@pytest.fixture
def case(
    word_files: Callable[..., SimpleNamespace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """A narrow published checkpoint of a split of three seen and two unseen classes, with its files."""
    monkeypatch.setattr(ModelConfig, "reference", small)
    files = word_files(5)
    files.split = tmp_path / "mine.toml"
    files.split.write_text(SPLIT)
    files.entries = random_entries(shapes(small(3), VOCABULARY), files.vectors[1:4])
    files.file = tmp_path / "ZSI.pth"
    torch.save({"meta": {"epoch": 12, "CLASSES": ("dog",)}, "state_dict": files.entries}, files.file)
    files.out = tmp_path / "models" / "published"
    files.arguments = lambda: [
        files.file, "--split", files.split, "--word-vectors", files.words, "--vocabulary", files.vocabulary,
        "-o", files.out,
    ]  # fmt: skip
    return files


def run(monkeypatch: pytest.MonkeyPatch, arguments: list[object]) -> int:
    monkeypatch.setattr(sys, "argv", ["zsi", "import-checkpoint", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def check_layers(weights: dict[str, Tensor], entries: dict[str, Tensor], voc: np.ndarray) -> None:
    """The imported layers give what the published ones give, written down from the paper and the code."""
    width = weights["detector.fc2.weight"].shape[0]
    f = torch.randn(4, width, generator=torch.Generator().manual_seed(1))

    def linear(layer: str, x: Tensor) -> Tensor:
        return F.linear(x, entries[f"{layer}.weight"], entries[f"{layer}.bias"])

    e = linear("bbox_head.kernel_semantic", linear("bbox_head.fc_semantic", f) @ torch.from_numpy(voc).T)
    assert_close(F.linear(f, weights["detector.T_e.weight"], weights["detector.T_e.bias"]), e)

    channels = weights["rpn.head.conv.weight"].shape[0]
    x = torch.randn(1, channels, 5, 6, generator=torch.Generator().manual_seed(2))
    s = F.conv2d(x, entries["rpn_head.rpn_cls_conv_T.weight"], entries["rpn_head.rpn_cls_conv_T.bias"])
    background_and_foreground = F.conv2d(s, entries["rpn_head.vec_fb.weight"])
    own = F.conv2d(x, weights["rpn.head.T.weight"], weights["rpn.head.T.bias"])
    own = torch.einsum("bdhw,apd->baphw", own, weights["rpn.head.W_bf"]).flatten(1, 2)
    assert_close(own, background_and_foreground)

    used = {
        "detector.fc1": "bbox_head.shared_fcs.0",
        "detector.fc2": "bbox_head.shared_fcs.1",
        "detector.deltas": "bbox_head.fc_reg",
        "rpn.head.conv": "rpn_head.rpn_conv",
        "rpn.head.deltas": "rpn_head.rpn_reg",
        "mask_head.convs.0": "mask_head.convs.3.conv",
        "mask_head.upsample": "mask_head.upsample",
        "mask_head.E_hidden": "mask_head.convT.conv",
        "mask_head.E": "mask_head.kernel_semantic",
        "backbone.fpn.inner_blocks.2.0": "neck.lateral_convs.2.conv",
        "backbone.fpn.layer_blocks.3.0": "neck.fpn_convs.3.conv",
        "backbone.body.layer4.0.conv2": "backbone.layer4.0.conv2",
        "backbone.body.layer2.0.bn1": "backbone.layer2.0.bn1",
    }
    for ours, theirs in used.items():
        for kind in ("weight", "bias"):
            if f"{theirs}.{kind}" in entries:
                assert torch.equal(weights[f"{ours}.{kind}"], entries[f"{theirs}.{kind}"]), ours
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(weights[f"backbone.body.bn1.{name}"], entries[f"backbone.bn1.{name}"])


def test_the_entries_of_the_tests_are_those_of_the_published_checkpoints() -> None:
    listed = json.loads(SHAPES.read_text())
    for split, seen in (("48_17", 48), ("65_15", 65)):
        own = {name: list(shape) for name, shape in shapes(published_reference(seen), 4717).items()}
        assert own == listed["both"] | listed[split]
        assert len(own) == 682


def test_an_imported_checkpoint_computes_the_same(
    case: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, case.arguments()) == 0
    loaded = load_checkpoint(case.out)
    weights = dict(loaded.model.state_dict())
    check_layers(weights, case.entries, case.voc)
    assert_close(weights["background_word"], torch.from_numpy(case.vectors[0]))
    table = word_table(case.out)
    assert table.sha256 == loaded.info.words_sha256
    assert table.words == ["background", "dog", "traffic light", "car", "cat", "hot dog"]
    norm = loaded.info.model.word_norm
    np.testing.assert_allclose(table.matrix[1:] * norm, case.vectors[1:], rtol=0, atol=1e-6)
    assert loaded.info.profile == "reference"
    output = capsys.readouterr().out
    total = len(case.entries)
    left = {int(count) for count in re.findall(r"left out: (\d+) entries", output)}
    assert left == {2, 4, 6}
    assert f"{total - 2 - 4 - 4 - 6} of {total} entries" in output


def test_a_test_checkpoint_of_several_gpus_gives_the_same(
    case: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, case.arguments()) == 0
    expected = load_checkpoint(case.out).model.state_dict()
    entries = {f"module.{name}": value for name, value in case.entries.items() if "_head.d" not in name}
    entries["module.mask_head.con_vec_t.weight"] = torch.zeros(DIMENSION, 4, 1, 1)
    entries["module.mask_head.conv_vec_unseen.weight"] = torch.zeros(3, DIMENSION, 1, 1)
    torch.save(entries, case.file, _use_new_zipfile_serialization=False)  # as PyTorch did until 1.5
    assert run(monkeypatch, case.arguments()) == 0
    found = load_checkpoint(case.out).model.state_dict()
    decoders = ("detector.T_d.", "mask_head.D.")
    for name in (name for name in expected if not name.startswith(decoders)):
        assert torch.equal(found[name], expected[name]), name


def test_the_mask_background_of_48_17_is_that_of_the_checkpoint(
    case: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(published.SYNC_MASK, "mine", False)
    assert run(monkeypatch, case.arguments()) == 0
    loaded = load_checkpoint(case.out)
    assert (loaded.info.model.sync_detector, loaded.info.model.sync_mask) == (True, False)
    row = case.entries["mask_head.conv_vec.weight"][0].flatten()
    assert torch.equal(loaded.model.state_dict()["background_word"], row)
    assert published.SYNC_MASK["coco_48_17"] is False
    assert "coco_65_15" not in published.SYNC_MASK


class Unpickled:
    """Makes a file that runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


def damaged_entries(**changes: Any) -> Callable[[SimpleNamespace], None]:
    def damage(case: SimpleNamespace) -> None:
        entries = dict(case.entries)
        for name, change in changes.items():
            name = name.replace("__", ".")
            if change is None:
                del entries[name]
            else:
                entries[name] = change(entries.get(name))
        torch.save({"state_dict": entries}, case.file)

    return damage


def cut_off(case: SimpleNamespace) -> None:
    content = case.file.read_bytes()
    case.file.write_bytes(content[: len(content) * 2 // 3])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda case: case.file.unlink(), r"ZSI\.pth cannot be read"),
        (cut_off, r"ZSI\.pth is not a PyTorch checkpoint, or is cut off"),
        (lambda case: case.file.write_bytes(b"<html>not found</html>"), "not a PyTorch checkpoint"),
        (
            lambda case: torch.save({"state_dict": case.entries, "meta": Unpickled()}, case.file),
            r"more than weights and plain values \(\w+",
        ),
        (lambda case: torch.save([1, 2], case.file), "holds no 'state_dict'"),
        (damaged_entries(bbox_head__fc_reg__weight=None), "lacks bbox_head.fc_reg.weight"),
        (damaged_entries(rpn_head__vec_fb__weight=None), "lacks rpn_head.vec_fb.weight"),
        (
            damaged_entries(neck__fpn_convs__1__conv__bias=None),
            "nothing for backbone.fpn.layer_blocks.1.0.bias",
        ),
        (damaged_entries(bbox_head__fc_cls__weight=lambda _: torch.ones(3)), "the published network lacks"),
        (
            damaged_entries(bbox_head__fc_reg__weight=lambda w: w[:12]),
            "trained on 2 seen classes, but mine has 3",
        ),
        (damaged_entries(rpn_head__rpn_reg__weight=lambda w: w[:, :4]), r"rpn.head.deltas.weight has shape"),
        (damaged_entries(rpn_head__vec_fb__weight=lambda w: w[:, :7]), r"vec_fb.weight has shape"),
        (damaged_entries(bbox_head__fc_reg__bias=lambda w: w * torch.nan), "not finite"),
        (
            damaged_entries(mask_head__conv_vec__weight=lambda w: w.flip(0)),
            "other word vectors than those of",
        ),
        (
            lambda case: write_columns(case.words, case.vectors[:-1]),
            "5 classes of mine, but has 300 lines of 5",
        ),
        (lambda case: case.words.write_text("a,b\nc,d\n"), "not a table of numbers"),
        (lambda case: write_columns(case.words, case.vectors * [[1]] * 5 + [[2]]), "must have one length"),
        (
            lambda case: write_columns(case.vocabulary, case.voc[:-1]),
            "vocabulary of 23 words .* given one has 22",
        ),
        (lambda case: case.vocabulary.unlink(), r"vocabulary .*vocabulary_w2v\.txt cannot be read"),
        (lambda case: case.vocabulary.write_text("nan,1\n"), "not finite"),
    ],
)
def test_nothing_is_written_from_what_does_not_fit(
    damage: Callable[[SimpleNamespace], None],
    message: str,
    case: SimpleNamespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    damage(case)
    assert run(monkeypatch, case.arguments()) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert error.count("\n") == 1
    assert not case.out.exists()
    assert not Path("ran").exists()


@pytest.mark.parametrize("option", ["--word-vectors", "--vocabulary"])
def test_a_missing_option_says_where_the_file_is(
    option: str, case: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = case.arguments()
    place = arguments.index(option)
    del arguments[place : place + 2]
    assert run(monkeypatch, arguments) == 2
    assert re.search(rf"{option} is missing: .*data/coco of the authors' repository", capsys.readouterr().err)


def test_the_wrong_split_is_told(
    case: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case.split = "48_17"
    assert run(monkeypatch, case.arguments()) == 2
    assert "65_15" not in capsys.readouterr().err
    assert not case.out.exists()
    with pytest.raises(CheckpointError, match="trained on 3 seen classes, but coco_48_17 has 48"):
        published._check_split(case.entries, load_split("48_17"), "ZSI.pth")


@pytest.mark.slow
@pytest.mark.parametrize(("split", "seen", "unseen"), [("48_17", 48, 17), ("65_15", 65, 15)])
def test_a_checkpoint_of_full_size(
    split: str,
    seen: int,
    unseen: int,
    word_files: Callable[..., SimpleNamespace],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from zsi_core.inference import Segmenter

    files = word_files(seen + unseen, 4717)
    entries = random_entries(shapes(ModelConfig.reference(seen), 4717), files.vectors[1 : 1 + seen])
    assert len(entries) == 682
    torch.save({"meta": {}, "state_dict": entries}, tmp_path / "ZSI.pth")
    arguments = [
        tmp_path / "ZSI.pth", "--split", split, "--word-vectors", files.words,
        "--vocabulary", files.vocabulary, "-o", tmp_path / "out",
    ]  # fmt: skip
    assert run(monkeypatch, arguments) == 0
    segmenter = Segmenter.load(tmp_path / "out", device="cpu", dtype=torch.float32)
    check_layers(dict(segmenter.model.state_dict()), entries, files.voc)
    constant = entries["rpn_head.vec_fb.weight"].flatten(1)[::2].mean(dim=0)
    image = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    background = segmenter.encode(image).regions.background
    assert_close(background[0], constant)
    row = entries["mask_head.conv_vec.weight"][0].flatten()
    assert_close(background[1], row if split == "48_17" else constant)
