"""What the engine answers. Replies are plain values; `Instances` carry their masks as compressed RLE.

In a message, "reply" names the class and "value" holds its fields. The masks of instances are the payload:
the counts of their RLEs, ASCII, one a line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from zsi_core.engine.messages import Message, ProtocolError
from zsi_core.engine.plain import from_plain, to_plain
from zsi_core.instances import Explanation, Instances, Rle


@dataclass(frozen=True)
class ModelInfo:
    """The loaded model, with all that provenance of a proposal names.

    Attributes:
        name: of its checkpoint.
        folder: where that lies.
        device: where it computes.
        precision: of its dense parts, "float32" or "bfloat16".
        profile: "default" or "reference".
        checkpoint_sha256, words_sha256: its weights and its word table.
        seen: classes that it was trained on.
        threshold: score from which on a proposal is shown by default.
        seen_penalty: how much unseen names are favoured over seen ones by default, in logits.
    """

    name: str
    folder: str
    device: str
    precision: str
    profile: str
    checkpoint_sha256: str
    words_sha256: str
    seen: tuple[str, ...]
    threshold: float
    seen_penalty: float = 0.0


Origin = Literal["packaged", "own", "elsewhere"]
"""Where a model lies: with the program, in the user's data folder, or in a folder of `ZSI_MODELS`."""


@dataclass(frozen=True)
class ModelCard:
    """A checkpoint folder, for a person who chooses among them.

    Attributes:
        name: of the folder.
        folder: where it lies.
        origin: what kind of place that is.
        profile: "default" or "reference".
        seen: classes that it was trained on.
        figures: headings and values between 0 and 1, measured after training; none where nobody did.
        written: date of its weights file, ISO 8601.
        megabytes: all of its files.
        text: its card in Markdown; empty without one.
        problem: why it cannot be used; empty where it seems that it can.
    """

    name: str
    folder: str
    origin: Origin
    profile: str
    seen: tuple[str, ...]
    figures: tuple[tuple[str, float], ...]
    written: str
    megabytes: float
    text: str
    problem: str = ""


@dataclass(frozen=True)
class InstalledModels:
    """All models that can be loaded by name, and the devices to compute on: (device, its name)."""

    models: tuple[ModelCard, ...]
    devices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class NameReport:
    """What a typed name became, and what to expect of it.

    Attributes:
        name: as typed.
        step: how its vector was found, "none" where it was not (see `zsi_core.semantics.Step`).
        explanation: the same in words.
        used: words of the table whose mean it is.
        missing: words that were ignored.
        suggestions: closest spellings.
        problem: why nothing was found; empty where something was.
        singular: entry of the table for the singular, where the name is found as a plural; else None.
        nearest_seen: seen classes with their cosine, best first.
        outlook: "seen", "close", "related", "far" (see `zsi_core.semantics.Outlook`); None without a vector.
        expectation: one line about that.
    """

    name: str
    step: str
    explanation: str
    used: tuple[str, ...]
    missing: tuple[str, ...]
    suggestions: tuple[str, ...]
    problem: str
    singular: str | None = None
    nearest_seen: tuple[tuple[str, float], ...] = ()
    outlook: str | None = None
    expectation: str = ""


@dataclass(frozen=True)
class NamesReport:
    """Reports on all typed names, in their order, and pairs (with cosine) that nearly coincide."""

    names: tuple[NameReport, ...]
    near_duplicates: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True)
class Encoded:
    """An image is encoded.

    Attributes:
        image_size: (height, width).
        regions: how many it has.
        source: where it was found, or "network" if it was encoded now.
        in_memory: whether it is kept there; one encoded ahead may only be on disk.
    """

    image_size: tuple[int, int]
    regions: int
    source: Literal["memory", "disk", "network"]
    in_memory: bool


@dataclass(frozen=True)
class NamePresence:
    """A typed name, its best score in the image, and whether that is below the model's threshold."""

    name: str
    best_score: float
    probably_absent: bool


@dataclass(frozen=True)
class Presence:
    """Which typed names are probably absent; one entry for each, in their order."""

    names: tuple[NamePresence, ...]


@dataclass(frozen=True)
class Dropped:
    """How many entries were forgotten, in memory and on disk."""

    count: int


@dataclass(frozen=True)
class Health:
    """What the engine is doing.

    Attributes:
        process: its number.
        model: name of the loaded one, or None.
        running: how many requests are worked on, at most one per lane.
        waiting: how many wait.
        images_in_memory: encoded images that are kept.
        bytes_in_memory: of these.
    """

    process: int
    model: str | None
    running: int
    waiting: int
    images_in_memory: int
    bytes_in_memory: int


_PLAIN: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        ModelInfo,
        ModelCard,
        InstalledModels,
        NamesReport,
        Encoded,
        Presence,
        Dropped,
        Health,
        Explanation,
    )
}


def encode_reply(id: int, reply: Any) -> Message:
    """Message "result" with a reply."""
    header = {"kind": "result", "id": id, "reply": type(reply).__name__}
    if isinstance(reply, Instances):
        return Message({**header, "value": _instances_fields(reply)}, _joined_counts(reply))
    return Message({**header, "value": to_plain(reply)})


def decode_reply(message: Message) -> Any:
    """Inverse of `encode_reply`.

    Raises:
        ProtocolError: unknown, or not as it should be.
    """
    name, value = message.header.get("reply"), message.header.get("value")
    try:
        if name == "Instances":
            return _instances(value, message.payload)
        return from_plain(_PLAIN[name], value)  # type: ignore[index]
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError(f"malformed reply {name!r}: {error}") from error


def _instances_fields(found: Instances) -> dict[str, Any]:
    return {
        "boxes": found.boxes.tolist(),
        "scores": found.scores.tolist(),
        "names": found.names,
        "runner_up_names": found.runner_up_names,
        "runner_up_scores": found.runner_up_scores.tolist(),
        "region_indices": found.region_indices.tolist(),
        "image_size": found.image_size,
    }


def _joined_counts(found: Instances) -> bytes:
    return "\n".join(mask["counts"] for mask in found.masks).encode("ascii")


def _instances(value: Any, payload: bytes) -> Instances:
    names = tuple(value["names"])
    height, width = value["image_size"]
    counts = payload.decode("ascii").split("\n") if names else []
    return Instances(
        boxes=np.array(value["boxes"], dtype=np.float32).reshape(-1, 4),
        scores=np.array(value["scores"], dtype=np.float32),
        names=names,
        masks=tuple(Rle(size=[height, width], counts=one) for one in counts),
        runner_up_names=tuple(value["runner_up_names"]),
        runner_up_scores=np.array(value["runner_up_scores"], dtype=np.float32),
        region_indices=np.array(value["region_indices"], dtype=np.int64),
        image_size=(height, width),
    )
