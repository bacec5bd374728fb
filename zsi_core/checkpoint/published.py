"""Turn a checkpoint that the authors published into one of this program.

Symbols
    T_e  encoder of the detector: two linear maps with a fixed vocabulary between them, folded into one
    v_b  background vector

Shapes
    n  seen classes    D  length of a word vector    V  words of the vocabulary
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zsi_core.checkpoint.info import CheckpointInfo, vectors_sha256
from zsi_core.checkpoint.published_names import (
    CONV_VEC,
    CONVERTED,
    FC_REG,
    FC_SEMANTIC,
    KERNEL_SEMANTIC,
    VEC_FB,
    own_name,
    reason_to_drop,
    without_module,
)
from zsi_core.checkpoint.published_words import PublishedWords, read_columns, read_words
from zsi_core.checkpoint.store import TRAINING_ONLY, save_checkpoint
from zsi_core.errors import CheckpointError
from zsi_core.files import file_sha256
from zsi_core.model import ZSI, ModelConfig
from zsi_core.semantics import ClassSplit, load_split, resolve_all

SCORE_THRESHOLD = 0.05
"""Below it the published code drops a result."""

SYNC_MASK = {"coco_48_17": False}
"""Whether the mask head takes v_b of the RPN, by default yes. The published ZSI test of 48/17 leaves its
`sync_bg` off: there the background is row 0 of `conv_vec`, which only the checkpoint holds."""

WORDS_TOLERANCE = 1e-3
"""Largest difference between word vectors in the checkpoint and in the file."""


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        entries: of the published checkpoint.
        used: of them in the new one.
        dropped: reason -> how many were left out for it.
    """

    entries: int
    used: int
    dropped: Mapping[str, int]


def import_published(
    path: Path, folder: Path, split_name: str, words_path: Path, vocabulary_path: Path
) -> Imported:
    """Write a checkpoint folder from a published file; nothing is written unless all of it fits.

    Args:
        path: the authors' .pth file.
        folder: checkpoint folder to write.
        split_name: name of a class split, or its file.
        words_path: word_w2v_withbg_*.txt, columns background, seen, unseen classes.
        vocabulary_path: vocabulary_w2v.txt, D lines of V numbers.

    Raises:
        ZsiError: a file is missing, damaged or of another split, or the folder cannot be written.
    """
    split = load_split(split_name)
    config = ModelConfig.reference(len(split.seen))
    words = read_words(words_path, split, config.semantic_dimension)
    vocabulary = torch.from_numpy(read_columns(vocabulary_path, "vocabulary").T.copy())
    tensors = read_tensors(path)
    config = ModelConfig.reference(
        len(split.seen),
        word_norm=words.norm,
        background_norm=words.background_norm,
        sync_mask=SYNC_MASK.get(split.name, True),
    )
    model = converted(tensors, config, split, words, vocabulary, str(path))
    info = CheckpointInfo(
        model=config,
        seen=split.seen,
        seen_sha256=vectors_sha256(resolve_all(words.table, split.seen)),
        words_sha256=words.table.sha256,
        preprocessing={"canvases": [[800, 1333], [1333, 800]]},
        calibration={"objectness_power": 0.0, "seen_penalty": 0.0, "threshold": SCORE_THRESHOLD},
        recipe={"imported_from": path.name, "sha256": file_sha256(path), "split": split.name},
        profile="reference",
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(folder, model, info, _card(path, split), half=False, words=words.content)
    reasons = Counter(reason for name in tensors if (reason := reason_to_drop(name)))
    return Imported(len(tensors), len(tensors) - reasons.total(), reasons)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a PyTorch file by name, without `module.`. No code in it is run.

    Raises:
        CheckpointError: missing, damaged, with objects that would run code, or without weights.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}): check the path") from error
    except Exception as error:  # whatever torch says to a file that is not its own
        if code := re.search(r"(?:GLOBAL|class) ([\w.]+)", str(error)):
            raise CheckpointError(
                f"{path} holds more than weights and plain values ({code[1]}), opening it could run code: "
                "it is not read; take the file from the authors"
            ) from error
        reason = str(error).strip().partition("\n")[0][:100]
        raise CheckpointError(
            f"{path} is not a PyTorch checkpoint, or is cut off ({reason}): download it again"
        ) from error
    tensors = content.get("state_dict", content) if isinstance(content, dict) else None
    if not (isinstance(tensors, dict) and tensors and all(isinstance(t, Tensor) for t in tensors.values())):
        raise CheckpointError(f"{path} holds no 'state_dict' of tensors: name a checkpoint of mmdetection")
    return {name: tensors[old] for old, name in without_module(tensors).items()}


def converted(
    tensors: Mapping[str, Tensor],
    config: ModelConfig,
    split: ClassSplit,
    words: PublishedWords,
    vocabulary: Tensor,
    where: str,
) -> ZSI:
    """Our network with the published weights, without decoders.

    Args:
        tensors: entries of the published checkpoint.
        config: of the network.
        split: of the checkpoint.
        words: the class vectors it was trained with.
        vocabulary: (D, V) float32.
        where: file name for messages.

    Raises:
        CheckpointError: an entry is missing, unknown, of another shape or not finite, or the word vectors are
            others.
    """
    _check_split(tensors, split, where)
    known = [n for n in tensors if own_name(n) or n in CONVERTED or reason_to_drop(n)]
    if strangers := sorted(set(tensors) - set(known)):
        raise CheckpointError(
            f"{where} has {len(strangers)} entries that the published network lacks, {strangers[0]} for one: "
            "name a checkpoint of ZSI"
        )
    if missing := [name for name in CONVERTED if name not in tensors]:
        raise CheckpointError(f"{where} lacks {missing[0]}: name a checkpoint of ZSI")
    _check_words(tensors[CONV_VEC], words, where)
    weights = {own: value for name, value in tensors.items() if (own := own_name(name))}
    weights |= _folded_encoder(tensors, vocabulary, where)
    weights["rpn.head.W_bf"] = _reshaped(tensors[VEC_FB], (-1, 2, config.semantic_dimension), VEC_FB, where)
    background = torch.from_numpy(words.table.vector("background")) * words.background_norm
    if not config.sync_mask:
        background = tensors[CONV_VEC][0].flatten()
    weights["background_word"] = background
    model = ZSI(config, background)
    expected = model.state_dict()
    for name, value in weights.items():
        if name not in expected or value.shape != expected[name].shape:
            shape = tuple(expected[name].shape) if name in expected else "no place"
            raise CheckpointError(
                f"{where}: {name} has shape {tuple(value.shape)}, but the network has {shape}: name a "
                "checkpoint of ZSI with a ResNet-101"
            )
        if not value.isfinite().all():
            raise CheckpointError(f"{where}: {name} has values that are not finite: download it again")
    left = [n for n in expected if n not in weights and not n.startswith(TRAINING_ONLY)]
    if left := [n for n in left if not n.endswith("num_batches_tracked")]:
        raise CheckpointError(f"{where} has nothing for {left[0]}: name a checkpoint of ZSI")
    model.load_state_dict(weights, strict=False)
    return model.eval()


def _check_split(tensors: Mapping[str, Tensor], split: ClassSplit, where: str) -> None:
    """The number of box regressions, one for background and each seen class, gives the split away."""
    if FC_REG not in tensors:
        raise CheckpointError(f"{where} lacks {FC_REG}: name a checkpoint of ZSI")
    seen = len(tensors[FC_REG]) // 4 - 1
    if seen != len(split.seen):
        raise CheckpointError(
            f"{where} was trained on {seen} seen classes, but {split.name} has {len(split.seen)}: name its "
            "split with --split"
        )


def _check_words(conv_vec: Tensor, words: PublishedWords, where: str) -> None:
    """The checkpoint holds the vectors of its seen classes: the file must have the same."""
    stored = conv_vec.flatten(1)[1:].numpy()
    if stored.shape != words.seen.shape or not np.allclose(stored, words.seen, rtol=0, atol=WORDS_TOLERANCE):
        raise CheckpointError(
            f"{where} was trained with other word vectors than those of {words.table.source}: name the "
            "word-vector file of its split with --word-vectors"
        )


def _folded_encoder(tensors: Mapping[str, Tensor], vocabulary: Tensor, where: str) -> dict[str, Tensor]:
    """T_e as one map: e = K (VOC^T (F f + b_F)) + b_K."""
    first, kernel = tensors[f"{FC_SEMANTIC}.weight"], tensors[f"{KERNEL_SEMANTIC}.weight"]
    if first.ndim != 2 or kernel.ndim != 2 or vocabulary.shape != (len(first), kernel.shape[1]):
        raise CheckpointError(
            f"{where} was trained with a vocabulary of {tuple(kernel.shape)[-1]} words of {len(first)} "
            f"dimensions, but the given one has {vocabulary.shape[1]} of {vocabulary.shape[0]}: name "
            "vocabulary_w2v.txt with --vocabulary"
        )
    across = kernel.double() @ vocabulary.double().T
    bias = across @ tensors[f"{FC_SEMANTIC}.bias"].double() + tensors[f"{KERNEL_SEMANTIC}.bias"].double()
    return {
        "detector.T_e.weight": (across @ first.double()).float(),
        "detector.T_e.bias": bias.float(),
    }


def _reshaped(value: Tensor, shape: tuple[int, ...], name: str, where: str) -> Tensor:
    try:
        return value.reshape(shape)
    except RuntimeError as error:
        raise CheckpointError(
            f"{where}: {name} has shape {tuple(value.shape)}, which does not fit: name a checkpoint of ZSI"
        ) from error


def _card(path: Path, split: ClassSplit) -> str:
    return f"""# {path.stem}

Imported from the published checkpoint `{path.name}` of "Zero-Shot Instance Segmentation" (CVPR 2021), which
was trained on the {len(split.seen)} seen classes of {split.name}. The profile is `reference`.

`words.npz` holds the word vectors it was trained with, and those of the {len(split.unseen)} unseen classes:
only these names can be asked for. For their licence and that of the weights see where the file came from.
"""
