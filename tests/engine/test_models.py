"""What the engine tells of installed models, and whether a checkpoint folder is one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from zsi_core.engine.messages import Message
from zsi_core.engine.models import check_model, list_models
from zsi_core.engine.replies import decode_reply, encode_reply
from zsi_core.engine.requests import CheckModel, ListModels, parse_request
from zsi_core.errors import CheckpointError
from zsi_core.files import user_models_dir


@pytest.fixture
def own(tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model in the user's data folder, beside a damaged one."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = user_models_dir() / "mine"
    shutil.copytree(tiny_checkpoint, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["metrics"] = {"map50": 0.25, "recall@100": {"0.5": 0.5}, "harmonic_mean": None}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    damaged = user_models_dir() / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_text("{", encoding="utf-8")
    return folder


def test_installed_models_are_listed_with_their_cards_and_problems(own: Path) -> None:
    reply = list_models()
    models = {model.name: model for model in reply.models}
    assert models["starter"].origin == "packaged"
    assert models["starter"].text.startswith("# Starter model")
    assert "person" in models["starter"].seen
    mine = models["mine"]
    assert (mine.origin, mine.folder, mine.problem) == ("own", str(own), "")
    assert mine.figures == (
        ("Recall@100 at IoU 0.5, unseen classes", 0.5),
        ("mAP at IoU 0.5, unseen classes", 0.25),
    )
    assert "damaged" in models["damaged"].problem
    assert reply.devices[0] == ("cpu", "Processor")


def test_a_checkpoint_folder_is_checked_with_its_weights(own: Path) -> None:
    assert check_model(own).name == "mine"
    weights = own / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        check_model(own)


def test_models_travel_between_the_processes(own: Path) -> None:
    sent = encode_reply(7, list_models())
    received = decode_reply(Message(json.loads(json.dumps(sent.header)), sent.payload))
    assert received == list_models()
    assert parse_request(CheckModel("/a").to_header()) == CheckModel("/a")
    assert parse_request(ListModels().to_header()) == ListModels()
