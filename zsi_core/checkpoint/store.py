"""Checkpoints on disk: `model.safetensors`, `config.json`, `card.md` in a folder of their own."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from zsi_core.checkpoint.info import CheckpointInfo
from zsi_core.errors import CheckpointError
from zsi_core.files import atomic_write, file_sha256
from zsi_core.model import ZSI

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "card.md"

TRAINING_ONLY = ("detector.T_d.", "mask_head.D.")
"""Decoders serve the reconstruction loss only; shipped checkpoints leave them out."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint.

    Attributes:
        model: the network in evaluation mode, float32.
        info: what `config.json` says.
        sha256: hash of the weights file, for provenance.
        path: its folder.
    """

    model: ZSI
    info: CheckpointInfo
    sha256: str
    path: Path


def save_checkpoint(
    folder: Path, model: ZSI, info: CheckpointInfo, card: str, *, with_decoders: bool = False
) -> None:
    """Write a checkpoint folder, complete or not at all; an older one under the same name is replaced.

    Args:
        folder: where it goes; its parent must exist.
        model: weights are stored as float16.
        info: content of `config.json`.
        card: model card in Markdown.
        with_decoders: keep what only training needs.
    """
    tensors = {
        name: value.half().contiguous() if value.is_floating_point() else value.contiguous()
        for name, value in model.state_dict().items()
        if with_decoders or not name.startswith(TRAINING_ONLY)
    }
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        save_file({name: tensor.cpu() for name, tensor in tensors.items()}, fresh / WEIGHTS)
        with atomic_write(fresh / CONFIG, "w") as stream:
            json.dump(info.to_dict(), stream, indent=1, allow_nan=False)
        with atomic_write(fresh / CARD, "w") as stream:
            stream.write(card)
        fresh.chmod(0o755)
        (fresh / WEIGHTS).chmod(0o644)
        if folder.exists():
            old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.old."))
            folder.rename(old / folder.name)
            fresh.rename(folder)
            shutil.rmtree(old)
        else:
            fresh.rename(folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint folder; nothing in it is unpickled.

    Raises:
        CheckpointError: a file is missing or damaged, or the weights are not those of the configuration.
    """
    info = read_info(folder)
    weights = folder / WEIGHTS
    try:
        tensors = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{weights} cannot be read ({error}): copy the checkpoint again") from error
    model = ZSI(info.model, torch.ones(info.model.semantic_dimension))
    try:
        wrong = model.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}, strict=False
        )
    except RuntimeError as error:
        raise CheckpointError(
            f"{weights} does not fit {CONFIG} beside it ({str(error).splitlines()[-1].strip()}): "
            "copy both again"
        ) from error
    missing = [name for name in wrong.missing_keys if not name.startswith(TRAINING_ONLY)]
    if missing or wrong.unexpected_keys:
        detail = f"missing {missing[0]}" if missing else f"unexpected {wrong.unexpected_keys[0]}"
        raise CheckpointError(f"{weights} does not fit {CONFIG} beside it ({detail}): copy both again")
    return Checkpoint(model.eval(), info, file_sha256(weights), folder)


def read_info(folder: Path) -> CheckpointInfo:
    """Read `config.json` alone.

    Raises:
        CheckpointError: missing, damaged, or written by another version.
    """
    path = folder / CONFIG
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(
            f"{folder} is not a checkpoint: it must hold {WEIGHTS} and {CONFIG} ({error.strerror}: {path})"
        ) from error
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged ({error}): copy the checkpoint again") from error
    return CheckpointInfo.from_dict(values, str(path))
