"""Checkpoints: safetensors weights with a description, found by name."""

from zsi_core.checkpoint.info import CheckpointInfo, vectors_sha256
from zsi_core.checkpoint.registry import find_checkpoint, installed_models
from zsi_core.checkpoint.store import Checkpoint, load_checkpoint, read_info, save_checkpoint, word_table

__all__ = [
    "Checkpoint",
    "CheckpointInfo",
    "find_checkpoint",
    "installed_models",
    "load_checkpoint",
    "read_info",
    "save_checkpoint",
    "vectors_sha256",
    "word_table",
]
