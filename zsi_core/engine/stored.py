"""An encoded image as the bytes of a safetensors file, and back.

The pyramid, most of the file, is float16 as in memory; boxes and semantic features keep float32, so that
an image from disk gives exactly the results of a fresh one. What queries compute of its masks is left
out: it is ten times as large and made again in milliseconds.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections import OrderedDict
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from zsi_core.inference import EncodedImage
from zsi_core.inference.preprocessing import Fitted
from zsi_core.inference.second_opinion import Opinions
from zsi_core.model import Regions

_LENGTH = struct.Struct("<Q")  # a safetensors file begins with the length of its JSON header
_PYRAMID = "pyramid."


def to_bytes(encoded: EncodedImage) -> bytes:
    """Content of the file."""
    regions, opinions = encoded.regions, encoded.opinions
    tensors = {
        "boxes": encoded.boxes,
        "regions.boxes": regions.boxes,
        "regions.objectness": regions.objectness,
        "regions.features": regions.features,
        "background.detector": regions.background[0],
        "background.masks": regions.background[1],
        **{_PYRAMID + name: level for name, level in regions.pyramid.items()},
    }
    if encoded.slots is not None and regions.slots is not None:
        tensors |= {"slots": encoded.slots, "regions.slots": regions.slots}
    if opinions is not None:
        tensors |= {"opinions.boxes": opinions.boxes, "opinions.vectors": opinions.vectors}
    # Copies: tensors that share memory are refused.
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    about = {
        "levels": list(regions.pyramid),
        "regions_size": regions.size,
        "size": encoded.fitted.size,
        "image_size": encoded.fitted.image_size,
        "scale": encoded.fitted.scale,
        "checkpoint_sha256": encoded.checkpoint_sha256,
        "opinions_weight": None if opinions is None else opinions.weight,
        "checksum": _checksum(tensors),
    }
    return save(tensors, metadata={"zsi": json.dumps(about)})


def from_bytes(content: bytes, device: str) -> EncodedImage:
    """Inverse of `to_bytes`.

    Raises:
        ValueError: the content is damaged.
    """
    try:
        return _decoded(content, device)
    except Exception as error:  # whatever struct, json, safetensors and torch say to damaged bytes
        raise ValueError(f"not a sound encoded image ({error})") from error


def _decoded(content: bytes, device: str) -> EncodedImage:
    (length,) = _LENGTH.unpack_from(content)
    header = json.loads(content[_LENGTH.size : _LENGTH.size + length])
    about: dict[str, Any] = json.loads(header["__metadata__"]["zsi"])
    tensors = load(content)
    if _checksum(tensors) != about["checksum"]:
        raise ValueError("its checksum is wrong")
    tensors = {name: value.to(device) for name, value in tensors.items()}
    regions = Regions(
        boxes=tensors["regions.boxes"],
        objectness=tensors["regions.objectness"],
        features=tensors["regions.features"],
        background=(tensors["background.detector"], tensors["background.masks"]),
        pyramid=OrderedDict((name, tensors[_PYRAMID + name]) for name in about["levels"]),
        size=tuple(about["regions_size"]),
        slots=tensors.get("regions.slots"),
    )
    no_pixels = torch.empty((1, 3, 0, 0), dtype=torch.uint8)
    weight = about["opinions_weight"]
    return EncodedImage(
        regions=regions,
        boxes=tensors["boxes"],
        fitted=Fitted(no_pixels, tuple(about["size"]), tuple(about["image_size"]), about["scale"]),
        checkpoint_sha256=about["checkpoint_sha256"],
        opinions=None
        if weight is None
        else Opinions(tensors["opinions.boxes"], tensors["opinions.vectors"], weight),
        slots=tensors.get("slots"),
    )


def _checksum(tensors: dict[str, Tensor]) -> int:
    """CRC-32 of all values: a safetensors file has none of its own."""
    value = 0
    for name in sorted(tensors):
        value = zlib.crc32(tensors[name].numpy().tobytes(), value)
    return value
