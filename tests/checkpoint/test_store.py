"""Saving and loading checkpoints: what comes back, and what an interrupted save leaves behind."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from zsi_core.checkpoint import CheckpointInfo, load_checkpoint, read_info, save_checkpoint, store
from zsi_core.errors import CheckpointError
from zsi_core.model import ZSI

DECODERS = {"detector.T_d.weight", "detector.T_d.bias", "mask_head.D.weight", "mask_head.D.bias"}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_everything_comes_back(model: ZSI, info: CheckpointInfo, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", model, info, "# a card\n", with_decoders=True)
    loaded = load_checkpoint(tmp_path / "a")
    before, after = model.state_dict(), loaded.model.state_dict()
    assert set(after) == set(before)
    for name, value in before.items():
        expected = value.half().float() if value.is_floating_point() else value
        assert after[name].dtype == expected.dtype, name
        assert torch.equal(after[name], expected), name
    assert {"background_word", "backbone.body.bn1.running_var"} <= set(after), "buffers are part of it"
    assert loaded.info == info
    assert loaded.model.config == info.model
    assert not loaded.model.training
    assert loaded.path == tmp_path / "a"
    assert (tmp_path / "a" / "card.md").read_text(encoding="utf-8") == "# a card\n"


def test_the_hash_is_that_of_the_weights_file(saved: Path) -> None:
    expected = hashlib.sha256((saved / "model.safetensors").read_bytes()).hexdigest()
    assert load_checkpoint(saved).sha256 == expected


def test_weights_are_stored_in_half_precision_and_counters_whole(saved: Path) -> None:
    tensors = load_file(saved / "model.safetensors")
    kinds = {name: value.dtype for name, value in tensors.items()}
    counters = {name for name in kinds if name.endswith("num_batches_tracked")}
    assert counters
    assert {kinds[name] for name in counters} == {torch.int64}
    assert {kinds[name] for name in set(kinds) - counters} == {torch.float16}


@pytest.mark.parametrize("kept", [False, True])
def test_decoders_are_left_out_unless_training_goes_on(
    kept: bool, model: ZSI, info: CheckpointInfo, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path / "a", model, info, "", with_decoders=kept)
    stored = set(load_file(tmp_path / "a" / "model.safetensors"))
    assert set(model.state_dict()) - stored == (set() if kept else DECODERS)
    load_checkpoint(tmp_path / "a")


def test_the_layout_of_tensors_in_memory_does_not_matter(
    model: ZSI, info: CheckpointInfo, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path / "a", model, info, "")
    save_checkpoint(tmp_path / "b", model.to(memory_format=torch.channels_last), info, "")
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_values_beyond_half_precision_are_stored_in_single(
    model: ZSI, info: CheckpointInfo, tmp_path: Path
) -> None:
    name = "backbone.body.bn1.running_var"
    model.state_dict()[name].fill_(1e6)
    save_checkpoint(tmp_path / "a", model, info, "")
    assert load_file(tmp_path / "a" / "model.safetensors")[name].dtype == torch.float32
    assert (load_checkpoint(tmp_path / "a").model.state_dict()[name] == 1e6).all()


@pytest.mark.skipif(os.name != "posix", reason="permission bits of POSIX")
def test_files_have_ordinary_permissions(saved: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    assert saved.stat().st_mode & 0o777 == 0o777 & ~umask
    assert {path.stat().st_mode & 0o777 for path in saved.iterdir()} == {0o666 & ~umask}


# ---------------------------------------------------------------- replacing an older one


def test_an_older_checkpoint_is_replaced_whole(model: ZSI, info: CheckpointInfo, checkpoint: Path) -> None:
    (checkpoint / "notes.txt").write_text("of the old one")
    save_checkpoint(checkpoint, model, replace(info, metrics={}), "# new\n")
    assert {path.name for path in checkpoint.iterdir()} == {"model.safetensors", "config.json", "card.md"}
    assert read_info(checkpoint).metrics == {}
    assert list(checkpoint.parent.iterdir()) == [checkpoint]


def test_weights_that_are_not_finite_are_refused(model: ZSI, info: CheckpointInfo, checkpoint: Path) -> None:
    before = content(checkpoint)
    model.detector.T_e.bias.data[3] = float("nan")
    with pytest.raises(CheckpointError, match=r"detector\.T_e\.bias has values that are not finite"):
        save_checkpoint(checkpoint, model, info, "")
    assert content(checkpoint) == before


def fail_on_metrics(info: CheckpointInfo, patch: pytest.MonkeyPatch) -> CheckpointInfo:
    return replace(info, metrics={"map50": float("nan")})


def fail_on_a_full_disk(info: CheckpointInfo, patch: pytest.MonkeyPatch) -> CheckpointInfo:
    def write(path: Path, mode: str = "wb") -> object:
        if path.name == "card.md":
            raise OSError(errno.ENOSPC, "No space left on device")
        return atomic_write(path, mode)

    atomic_write = store.atomic_write
    patch.setattr(store, "atomic_write", write)
    return info


def fail_on_the_last_rename(info: CheckpointInfo, patch: pytest.MonkeyPatch) -> CheckpointInfo:
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(self, target)

    patch.setattr(Path, "rename", refuse)
    return info


def fail_on_an_interruption(info: CheckpointInfo, patch: pytest.MonkeyPatch) -> CheckpointInfo:
    def interrupt(tensors: object) -> bytes:
        raise KeyboardInterrupt

    patch.setattr(store, "save", interrupt)
    return info


@pytest.mark.parametrize(
    ("failure", "error", "message"),
    [
        (fail_on_metrics, ValueError, "JSON"),
        (fail_on_a_full_disk, CheckpointError, r"cannot be written \(No space left on device\)"),
        (fail_on_the_last_rename, CheckpointError, r"cannot be written \(Permission denied\)"),
        (fail_on_an_interruption, KeyboardInterrupt, None),
    ],
)
@pytest.mark.parametrize("older", [True, False])
def test_a_failure_while_saving_leaves_everything_as_it_was(
    failure, error, message, older, model, info, checkpoint, monkeypatch
) -> None:
    target = checkpoint if older else checkpoint.parent / "first"
    before = content(checkpoint)
    with monkeypatch.context() as patch, pytest.raises(error, match=message):
        save_checkpoint(target, model, failure(info, patch), "")
    assert content(checkpoint) == before
    assert list(checkpoint.parent.iterdir()) == [checkpoint], "a temporary folder is left"


def test_only_a_checkpoint_is_ever_replaced(model: ZSI, info: CheckpointInfo, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes(b"precious")
    note = tmp_path / "note.txt"
    note.write_text("precious")
    for target in (photos, note):
        with pytest.raises(CheckpointError, match="exists and is no checkpoint"):
            save_checkpoint(target, model, info, "")
    assert content(photos) == {"cat.jpg": b"precious"}
    assert note.read_text() == "precious"
    (tmp_path / "empty").mkdir()
    save_checkpoint(tmp_path / "empty", model, info, "")
    assert read_info(tmp_path / "empty") == info


def test_a_missing_parent_folder_is_named(model: ZSI, info: CheckpointInfo, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nowhere.a cannot be written \("):
        save_checkpoint(tmp_path / "nowhere" / "a", model, info, "")
