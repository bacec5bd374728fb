"""Checkpoints: safetensors weights with a description, found by name."""

from zsi_core.checkpoint.info import CheckpointInfo, SecondOpinionInfo, vectors_sha256
from zsi_core.checkpoint.registry import find_checkpoint, installed_models
from zsi_core.checkpoint.store import (
    SECOND_OPINION,
    Checkpoint,
    load_checkpoint,
    read_info,
    save_checkpoint,
    word_table,
)

__all__ = [
    "SECOND_OPINION",
    "Checkpoint",
    "CheckpointInfo",
    "SecondOpinionInfo",
    "find_checkpoint",
    "installed_models",
    "load_checkpoint",
    "read_info",
    "save_checkpoint",
    "vectors_sha256",
    "word_table",
]
