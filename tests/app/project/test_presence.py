"""The project file is deleted, moved or replaced while it is open: nothing is written into the void."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from app.project import Project, ProjectGoneError
from app.project.commands import AddClass

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="Windows keeps open files in their place")


@pytest.fixture(autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("data")
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home))
    return home


def test_a_deleted_project_is_rescued_and_not_changed(project: Project, make: Any, data_folder: Path) -> None:
    make.added(project, make.drawn(1))
    content, root = make.dump(project), project.root
    shutil.rmtree(project.path.parent)
    for _ in range(2):
        with pytest.raises(ProjectGoneError, match=r"small\.zsip was deleted, moved or replaced"):
            project.do(AddClass("dog"))
    with pytest.raises(ProjectGoneError):
        project.undo(1)
    assert make.dump(project) == content
    (copy,) = data_folder.rglob("*.zsip")
    with Project.open(copy) as rescued:
        assert (make.dump(rescued), rescued.root) == (content, root)
        rescued.do(AddClass("dog"))


def test_a_moved_project_goes_on_when_it_is_back(project: Project) -> None:
    away = project.path.with_name("away.zsip")
    project.path.rename(away)
    with pytest.raises(ProjectGoneError):
        project.do(AddClass("dog"))
    away.rename(project.path)
    project.do(AddClass("dog"))
    assert project.class_id("dog") is not None


def test_a_replaced_project_is_not_written(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "older.zsip"
    shutil.copy(project.path, other)
    other.replace(project.path)
    with pytest.raises(ProjectGoneError):
        project.do(AddClass("dog"))


def test_a_project_that_nobody_can_rescue_says_so(project: Project, data_folder: Path) -> None:
    shutil.rmtree(project.path.parent)
    shutil.rmtree(data_folder)
    data_folder.write_text("a file in the way of the folder")
    with pytest.raises(ProjectGoneError, match="keep this window open"):
        project.do(AddClass("dog"))
