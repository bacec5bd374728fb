"""What a checkpoint says of itself: `config.json`."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from zsi_core.errors import CheckpointError
from zsi_core.model.config import ModelConfig

SCHEMA_VERSION = 1
PROFILES = ("default", "reference")


@dataclass(frozen=True)
class SecondOpinionInfo:
    """An image classifier beside the network (see `zsi_core.inference.second_opinion`).

    Attributes:
        network: its timm name.
        sha256: of its file.
        weight: of its answer beside a semantic feature of length 1.
        regions: how many of an image it looks at.
        side: of a crop in pixels.
    """

    network: str
    sha256: str
    weight: float
    regions: int
    side: int


@dataclass(frozen=True)
class CheckpointInfo:
    """Everything besides the weights.

    Attributes:
        model: configuration of the network.
        seen: seen class names in the order of training.
        seen_sha256: hash of their vectors (see `vectors_sha256`).
        words_sha256: hash of the word table; vectors of another table mean nothing to these weights.
        preprocessing: `canvases`, the (height, width) that images are fitted into.
        calibration: values that turn network outputs into scores (see `zsi_core.inference.scoring`).
        metrics: figures measured with these weights, as in `metrics.json`.
        recipe: the resolved training recipe.
        parent: SHA-256 of the weights that training started from, or None.
        profile: family of configurations.
        second_opinion: what the classifier beside the weights is, or None.
    """

    model: ModelConfig
    seen: tuple[str, ...]
    seen_sha256: str
    words_sha256: str
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    profile: str = "default"
    second_opinion: SecondOpinionInfo | None = None

    def to_dict(self) -> dict[str, Any]:
        """Content of `config.json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "profile": self.profile,
            "model": self.model.to_dict(),
            "seen": list(self.seen),
            "seen_sha256": self.seen_sha256,
            "words_sha256": self.words_sha256,
            "preprocessing": dict(self.preprocessing),
            "calibration": dict(self.calibration),
            "metrics": dict(self.metrics),
            "recipe": dict(self.recipe),
            "parent": self.parent,
            "second_opinion": None if self.second_opinion is None else asdict(self.second_opinion),
        }

    @classmethod
    def from_dict(cls, values: Any, where: str) -> CheckpointInfo:
        """Inverse of `to_dict`.

        Args:
            values: parsed JSON.
            where: file name for messages.

        Raises:
            CheckpointError: not an object, another schema version, missing or ill-typed fields.
        """
        if not isinstance(values, dict):
            raise CheckpointError(f"{where} must hold a JSON object: copy the checkpoint again")
        version = values.get("schema_version")
        if version != SCHEMA_VERSION:
            raise CheckpointError(
                f"{where} has schema version {version!r}, this program reads {SCHEMA_VERSION}: "
                "install the version that wrote it"
            )
        kinds = {
            "profile": str,
            "model": dict,
            "seen": list,
            "seen_sha256": str,
            "words_sha256": str,
            "preprocessing": dict,
            "calibration": dict,
            "metrics": dict,
            "recipe": dict,
        }
        for key, kind in kinds.items():
            if not isinstance(values.get(key), kind):
                raise CheckpointError(
                    f"{where}: {key!r} must be {kind.__name__}, but got {values.get(key)!r}: "
                    "copy the checkpoint again"
                )
        if values["profile"] not in PROFILES:
            raise CheckpointError(
                f"{where}: profile {values['profile']!r} is not one of {', '.join(PROFILES)}: "
                "install the version that wrote it"
            )
        for key, content, fits in (
            ("seen", "class names", _are_names(values["seen"])),
            ("preprocessing", "'canvases' of [height, width]", _are_canvases(values["preprocessing"])),
            ("calibration", "finite numbers", all(map(_is_number, values["calibration"].values()))),
        ):
            if not fits:
                raise CheckpointError(
                    f"{where}: {key!r} must hold {content}, but got {values[key]!r}: "
                    "copy the checkpoint again"
                )
        parent = values.get("parent")
        if not isinstance(parent, str | None):
            raise CheckpointError(
                f"{where}: 'parent' must be str or null, but got {parent!r}: copy the checkpoint again"
            )
        try:
            model = ModelConfig.from_dict(values["model"])
        except CheckpointError as error:
            raise CheckpointError(f"{where}: {error}") from error
        return cls(
            **{key: values[key] for key in kinds if key not in ("model", "seen")},
            model=model,
            seen=tuple(values["seen"]),
            parent=parent,
            second_opinion=_second_opinion(values.get("second_opinion"), where),
        )


def _second_opinion(values: Any, where: str) -> SecondOpinionInfo | None:
    if values is None:
        return None
    kinds = {"network": str, "sha256": str, "weight": float, "regions": int, "side": int}
    if (
        not isinstance(values, dict)
        or set(values) != set(kinds)
        or any(type(values[key]) is not kind for key, kind in kinds.items())
        or min(values["weight"], values["regions"], values["side"]) <= 0
    ):
        raise CheckpointError(
            f"{where}: 'second_opinion' must hold network, sha256, and weight, regions and side above 0, but "
            f"got {values!r}: copy the checkpoint again"
        )
    return SecondOpinionInfo(**values)


def _are_names(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(name, str) and name for name in values)


def _are_canvases(preprocessing: dict[str, Any]) -> bool:
    """Whether `canvases` is absent, or lists at least one (height, width) in pixels."""
    canvases = preprocessing.get("canvases", [[1, 1]])
    return (
        isinstance(canvases, list)
        and bool(canvases)
        and all(isinstance(sides, list) and len(sides) == 2 for sides in canvases)
        and all(type(side) is int and side > 0 for sides in canvases for side in sides)
    )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < sys.float_info.max


def vectors_sha256(vectors: np.ndarray) -> str:
    """Hash of word vectors (K, D), independent of the machine's float noise below float16."""
    return hashlib.sha256(np.ascontiguousarray(vectors, dtype="<f2").tobytes()).hexdigest()
