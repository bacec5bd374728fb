"""How a model's name finds its folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zsi_core.checkpoint import find_checkpoint, installed_models, registry
from zsi_core.errors import CheckpointError


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Folders of models in the order of search, all empty."""
    found = {
        "packaged": tmp_path / "resources" / "models",
        "user": tmp_path / "user" / "models",
        "first extra": tmp_path / "extra 1",
        "second extra": tmp_path / "extra 2",
    }
    for folder in found.values():
        folder.mkdir(parents=True)
    monkeypatch.setattr(registry, "resources_dir", lambda: tmp_path / "resources")
    monkeypatch.setattr("zsi_core.files.user_data_dir", lambda: tmp_path / "user")
    monkeypatch.setenv("ZSI_MODELS", os.pathsep.join(map(str, list(found.values())[2:])))
    return found


def install(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


def test_the_first_place_that_has_the_name_wins(places: dict[str, Path], tmp_path: Path) -> None:
    folders = [install(place / "starter") for place in places.values()]
    for i, folder in enumerate(folders):
        assert find_checkpoint("starter") == folder
        assert installed_models() == {"starter": folder}, f"after {i} were removed"
        (folder / "config.json").unlink()
    assert installed_models() == {}


def test_models_of_all_places_are_listed(places: dict[str, Path]) -> None:
    folders = {name: install(place / name) for name, place in places.items()}
    assert installed_models() == folders


def test_what_is_no_checkpoint_is_not_listed(places: dict[str, Path]) -> None:
    (places["user"] / "empty").mkdir()
    (places["user"] / "file").write_text("")
    install(places["user"] / ".starter.tmp8a2")
    install(places["user"] / "group" / "nested")
    assert installed_models() == {}


@pytest.mark.parametrize("value", ["", os.pathsep, "no such folder"])
def test_zsi_models_without_a_folder(
    value: str, places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSI_MODELS", value)
    install(places["first extra"] / "lost")
    kept = install(places["user"] / "mine")
    assert installed_models() == {"mine": kept}
    assert Path() not in registry.model_folders(), "the working folder is none"


def test_a_folder_that_is_not_there(places: dict[str, Path]) -> None:
    places["user"].rmdir()
    assert installed_models() == {}


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_taken_as_it_is(kind: type, tmp_path: Path) -> None:
    folder = install(tmp_path / "run" / "checkpoint")
    assert find_checkpoint(kind(folder)) == folder


def test_a_name_goes_before_a_folder_that_happens_to_be_here(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = install(tmp_path / "starter")
    assert find_checkpoint("starter") == Path("starter")
    installed = install(places["packaged"] / "starter")
    assert find_checkpoint("starter") == installed
    assert find_checkpoint(here) == here


def test_an_unknown_name_lists_the_installed_ones(places: dict[str, Path]) -> None:
    with pytest.raises(CheckpointError, match=r"no model is called 'startr' \(installed: none\)"):
        find_checkpoint("startr")
    install(places["second extra"] / "metals")
    install(places["packaged"] / "starter")
    with pytest.raises(CheckpointError, match=r"\(installed: starter, metals\).*set ZSI_MODELS"):
        find_checkpoint("startr")


def test_a_folder_without_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"not a checkpoint folder with a config\.json"):
        find_checkpoint(tmp_path)
