"""Checkpoints on disk: `model.safetensors`, `config.json`, `card.md` in a folder of their own.

A checkpoint whose word vectors are not those of the bundled table brings its own table, `words.npz`.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from zsi_core.checkpoint.info import CheckpointInfo
from zsi_core.errors import CheckpointError
from zsi_core.files import atomic_write, file_sha256
from zsi_core.model import ZSI
from zsi_core.semantics.table import WordTable

WEIGHTS, CONFIG, CARD, WORDS = "model.safetensors", "config.json", "card.md", "words.npz"
SECOND_OPINION = "second_opinion.safetensors"

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
    folder: Path,
    model: ZSI,
    info: CheckpointInfo,
    card: str,
    *,
    with_decoders: bool = False,
    half: bool = True,
    words: bytes | None = None,
    second_opinion: bytes | None = None,
) -> None:
    """Write a checkpoint folder, complete or not at all; an older checkpoint under the same name is replaced.

    Args:
        folder: where it goes; its parent must exist.
        model: the network.
        info: content of `config.json`.
        card: model card in Markdown.
        with_decoders: keep what only training needs.
        half: store weights as float16, except tensors with values beyond its range; else as float32.
        words: content of its own word table (see `word_table`).
        second_opinion: content of the classifier's file that `info` describes.

    Raises:
        CheckpointError: weights that are not finite, something else under that name, or a file that cannot
            be written; an older checkpoint stays as it was.
    """
    if folder.exists() and not (folder / CONFIG).is_file() and not _is_empty_folder(folder):
        raise CheckpointError(f"{folder} exists and is no checkpoint: remove it, or choose another name")
    tensors = {
        name: _stored(name, value, half)
        for name, value in model.state_dict().items()
        if with_decoders or not name.startswith(TRAINING_ONLY)
    }
    try:
        with tempfile.TemporaryDirectory(
            dir=folder.parent, prefix=f".{folder.name}.", ignore_cleanup_errors=True
        ) as place:
            fresh = Path(place, "new")
            fresh.mkdir()
            with atomic_write(fresh / WEIGHTS) as stream:
                stream.write(save(tensors))
            with atomic_write(fresh / CONFIG, "w") as stream:
                json.dump(info.to_dict(), stream, indent=1, allow_nan=False)
            with atomic_write(fresh / CARD, "w") as stream:
                stream.write(card)
            for name, content in ((WORDS, words), (SECOND_OPINION, second_opinion)):
                if content is not None:
                    with atomic_write(fresh / name) as stream:
                        stream.write(content)
            _replace(folder, fresh, Path(place, "old"))
    except OSError as error:
        raise CheckpointError(
            f"{folder} cannot be written ({error.strerror or error}): free some space or check its "
            "permissions; an older checkpoint of this name is as it was"
        ) from error


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _stored(name: str, value: Tensor, half: bool) -> Tensor:
    """A tensor as it goes into the file."""
    value = value.detach().cpu().contiguous()
    if not value.is_floating_point():
        return value
    if not value.isfinite().all():
        raise CheckpointError(f"{name} has values that are not finite: train with a lower learning rate")
    rounded = value.half()
    return rounded if half and rounded.isfinite().all() else value.float()


def _replace(folder: Path, fresh: Path, old: Path) -> None:
    """Put `fresh` in the place of `folder`, which goes to `old`, or back where it was if that fails."""
    try:
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise


def word_table(folder: Path) -> WordTable:
    """The word table of a checkpoint: its own, or the bundled one.

    Raises:
        WordTableError: its own is damaged.
    """
    own = folder / WORDS
    return WordTable.load(own) if own.is_file() else WordTable.bundled()


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
    model = _network(info, folder / CONFIG)
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


def _network(info: CheckpointInfo, config: Path) -> ZSI:
    """The network of a configuration, with random weights."""
    # timm would fetch the description of a name like "hf-hub:..." from the network.
    if not timm.is_model(info.model.backbone):
        raise CheckpointError(
            f"{config}: timm {timm.__version__} has no backbone {info.model.backbone!r}: install the version "
            "that wrote it"
        )
    try:
        return ZSI(info.model, torch.ones(info.model.semantic_dimension))
    except Exception as error:  # whatever torch, torchvision and timm say to sizes that make no sense
        raise CheckpointError(
            f"{config} describes a network that cannot be built ({error}): copy the checkpoint again"
        ) from error


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
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged ({error}): copy the checkpoint again") from error
    return CheckpointInfo.from_dict(values, str(path))
