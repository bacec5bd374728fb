"""Images are found again after their folder was moved or rearranged, and never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.project import Project
from app.project.commands import AddImages, SetImageFacts
from app.project.relink import plan_relink
from zsi_core.errors import ImageError
from zsi_core.files import file_sha256

FILES = {"a.jpg": b"1", "sub/b.jpg": b"22", "sub/c.jpg": b"333", "d.jpg": b"4444"}


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[Project]:
    """A project elsewhere than its images, which are gone; it knows sizes of a, b, c and not of d."""
    old = tmp_path / "old"
    write(old, FILES)
    (tmp_path / "projects").mkdir()
    with Project.create(tmp_path / "projects" / "p.zsip", old) as project:
        project.do(AddImages([old / name for name in FILES]))
        for image in project.images(project.image_ids()):
            if image.name != "d.jpg":
                project.do(SetImageFacts(image.id, file_size=image.path.stat().st_size))
        old.rename(tmp_path / "gone")
        yield project


def test_a_moved_folder_is_found_by_relative_paths(moved: Project, tmp_path: Path) -> None:
    plan = plan_relink(moved, tmp_path / "gone")
    assert (dict(plan.moved), plan.missing) == ({}, ())
    change = moved.do(plan)
    assert change.image_list and moved.root == tmp_path / "gone"
    assert all(image.path.is_file() for image in moved.images(moved.image_ids()))
    assert moved.undo_label() is None


def test_rearranged_images_are_found_by_name_and_size(moved: Project, tmp_path: Path) -> None:
    new = tmp_path / "new"
    write(new, {"x/a.jpg": b"1", "a/b.jpg": b"22", "b/b.jpg": b"99", "y/c.jpg": b"4444", "z/d.jpg": b"4444"})
    names = {image.name: image.id for image in moved.images(moved.image_ids())}
    plan = plan_relink(moved, new)
    assert dict(plan.moved) == {names["a.jpg"]: new / "x/a.jpg"}
    assert set(plan.missing) == {"sub/b.jpg", "sub/c.jpg", "d.jpg"}, "two candidates, another size, no size"
    moved.do(SetImageFacts(names["sub/b.jpg"], sha256=file_sha256(new / "a" / "b.jpg")))
    moved.do(plan_relink(moved, new))
    assert moved.image(names["sub/b.jpg"]).name == "a/b.jpg"
    assert [image.name for image in moved.images(moved.image_ids())] == [
        "a/b.jpg",
        "d.jpg",
        "sub/c.jpg",
        "x/a.jpg",
    ]


def test_one_file_stands_for_one_image(moved: Project, tmp_path: Path) -> None:
    new = tmp_path / "new"
    write(new, {"a.jpg": b"1", "sub/b.jpg": b"22"})
    moved.do(AddImages([tmp_path / "old" / "twin" / "a.jpg"]))
    twin = moved.image_id(tmp_path / "old" / "twin" / "a.jpg")
    assert twin is not None
    moved.do(SetImageFacts(twin, file_size=1))
    assert plan_relink(moved, new).missing == ("d.jpg", "sub/c.jpg", "twin/a.jpg")


def test_a_folder_that_does_not_exist_is_named(moved: Project, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="nowhere does not exist"):
        plan_relink(moved, tmp_path / "nowhere")
