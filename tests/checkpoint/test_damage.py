"""Every way in which a checkpoint can be damaged, and what is said about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from zsi_core.checkpoint import load_checkpoint, read_info
from zsi_core.errors import CheckpointError

Damage = Callable[[Path], object]

REQUIRED = (
    "profile",
    "model",
    "seen",
    "seen_sha256",
    "words_sha256",
    "preprocessing",
    "calibration",
    "metrics",
    "recipe",
)


def config_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def write(name: str, content: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(content)


def put(**values: Any) -> Damage:
    """Change values of config.json."""

    def damage(folder: Path) -> None:
        (folder / "config.json").write_text(json.dumps(config_of(folder) | values))

    return damage


def put_in_model(**values: Any) -> Damage:
    return lambda folder: put(model=config_of(folder)["model"] | values)(folder)


def leave_out(key: str) -> Damage:
    def damage(folder: Path) -> None:
        values = config_of(folder)
        del values[key]
        (folder / "config.json").write_text(json.dumps(values))

    return damage


def cut_off(name: str) -> Damage:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return damage


def change_tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Damage:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return damage


def make_folder(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


CONFIG: list[tuple[Damage, str]] = [
    (
        lambda folder: (folder / "config.json").unlink(),
        "is not a checkpoint: it must hold model.safetensors and config.json (",
    ),
    (make_folder("config.json"), "is not a checkpoint"),
    (write("config.json", b""), "config.json is damaged (Expecting value"),
    (write("config.json", b"not JSON"), "config.json is damaged (Expecting value"),
    (cut_off("config.json"), "config.json is damaged ("),
    (write("config.json", b'{"profile": "\xff"}'), "config.json is damaged ('utf-8' codec can't decode"),
    (write("config.json", b"[" * 100_000), "config.json is damaged (maximum recursion depth"),
    (write("config.json", b"[]"), "config.json must hold a JSON object"),
    (put(schema_version=2), "config.json has schema version 2, this program reads 1: install the version"),
    (leave_out("schema_version"), "has schema version None, this program reads 1"),
    (put(profile="paper"), "profile 'paper' is not one of default, reference: install the version"),
    *((leave_out(key), f"config.json: '{key}' must be ") for key in REQUIRED),
    (put(profile=1), "'profile' must be str, but got 1"),
    (put(model=[]), "'model' must be dict, but got []"),
    (put(seen="dog"), "'seen' must be list, but got 'dog'"),
    (put(seen=[]), "'seen' must hold class names, but got []"),
    (put(seen=["dog", 1]), "'seen' must hold class names, but got ['dog', 1]"),
    (put(seen=[""]), "'seen' must hold class names, but got ['']"),
    (put(words_sha256=None), "'words_sha256' must be str, but got None"),
    (put(parent=7), "'parent' must be str or null, but got 7"),
    (put(calibration={"threshold": "high"}), "'calibration' must hold finite numbers"),
    (put(calibration={"threshold": True}), "'calibration' must hold finite numbers"),
    (put(calibration={"threshold": float("nan")}), "'calibration' must hold finite numbers"),
    (put(calibration={"threshold": 10**400}), "'calibration' must hold finite numbers"),
    *(
        (put(preprocessing={"canvases": value}), "'preprocessing' must hold 'canvases' of [height, width]")
        for value in (5, [], [480, 640], [[480]], [[480, 640.0]], [[0, 640]], [["480", "640"]])
    ),
]

NETWORK: list[tuple[Damage, str]] = [
    (put_in_model(neck="fpn"), "fields this version does not know: neck"),
    (put_in_model(mask_head=1), "model field 'mask_head' must be bool, but got 1"),
    (put_in_model(mask_mode="magic"), "model field 'mask_mode' must be one of"),
    (put_in_model(anchor_scales="4"), "model field 'anchor_scales' must be a list of numbers"),
    (put_in_model(rpn="plain"), "not valid: a plain RPN has no background vector"),
]

WEIGHTS: list[tuple[Damage, str]] = [
    (put_in_model(backbone="no_such_net"), "has no backbone 'no_such_net': install the version"),
    (put_in_model(backbone="hf-hub:somebody/net"), "has no backbone 'hf-hub:somebody/net'"),
    (
        put_in_model(backbone="test_vit"),
        "describes a network that cannot be built (backbone 'test_vit' must have feature maps of stride",
    ),
    (put_in_model(pyramid_channels=-8), "describes a network that cannot be built ("),
    (put_in_model(temperature=0.0), "describes a network that cannot be built ("),
    (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors cannot be read ("),
    (make_folder("model.safetensors"), "model.safetensors cannot be read ("),
    (write("model.safetensors", b""), "model.safetensors cannot be read ("),
    (write("model.safetensors", b"\x80\x04K\x01." * 100), "model.safetensors cannot be read ("),
    (cut_off("model.safetensors"), "model.safetensors cannot be read ("),
    (
        put_in_model(box_features=48),
        "model.safetensors does not fit config.json beside it (size mismatch for detector.",
    ),
    (put_in_model(mask_convs=1), "does not fit config.json beside it (unexpected mask_head.convs.1."),
    (put_in_model(mask_convs=3), "does not fit config.json beside it (missing mask_head.convs.2."),
    (
        change_tensors(lambda tensors: tensors.pop("detector.T_e.weight")),
        "does not fit config.json beside it (missing detector.T_e.weight)",
    ),
    (
        change_tensors(lambda tensors: tensors.update(extra=torch.zeros(1))),
        "does not fit config.json beside it (unexpected extra)",
    ),
]


def test_the_checkpoint_to_be_damaged_is_sound(checkpoint: Path) -> None:
    load_checkpoint(checkpoint)


@pytest.mark.parametrize(("damage", "message"), CONFIG + NETWORK)
def test_damaged_description(damage: Damage, message: str, checkpoint: Path) -> None:
    damage(checkpoint)
    with pytest.raises(CheckpointError) as error:
        read_info(checkpoint)
    check_message(str(error.value), message, checkpoint)


@pytest.mark.parametrize(("damage", "message"), WEIGHTS)
def test_damaged_weights_or_a_description_that_does_not_fit(
    damage: Damage, message: str, checkpoint: Path
) -> None:
    damage(checkpoint)
    read_info(checkpoint)
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(checkpoint)
    check_message(str(error.value), message, checkpoint)


def check_message(text: str, expected: str, folder: Path) -> None:
    assert expected in text
    assert str(folder) in text, "which checkpoint it is about"
    assert "\n" not in text
