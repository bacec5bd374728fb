"""Which files of a folder are images, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zsi_core.errors import ImageError
from zsi_core.images import (
    FoundImage,
    find_images,
    natural_key,
)


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"not read here")


def found_names(*paths: Path) -> list[str]:
    return [found.name for found in find_images(paths)]


def test_folder_is_searched_and_sorted_as_a_person_would(tmp_path: Path) -> None:
    touch(tmp_path, "10.jpg", "2.JPG", "b/1.png", "a/1.png", "a/deep/er/x.tiff", "notes.txt", "labels.json")
    assert found_names(tmp_path) == ["2.JPG", "10.jpg", "a/1.png", "a/deep/er/x.tiff", "b/1.png"]
    assert find_images([tmp_path])[2] == FoundImage(tmp_path / "a" / "1.png", "a/1.png")


def test_hidden_files_and_folders_are_skipped(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", ".b.jpg", ".thumbnails/c.jpg", "d/._e.jpg")
    assert found_names(tmp_path) == ["a.jpg"]


def test_hidden_folder_that_is_named_is_searched(tmp_path: Path) -> None:
    touch(tmp_path, ".cache/a.jpg")
    assert found_names(tmp_path / ".cache") == ["a.jpg"]


def test_files_that_are_named_are_taken_whatever_their_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "scan", "b.jpg")
    assert found_names(tmp_path / "scan") == ["scan"]
    assert found_names(tmp_path / "b.jpg", tmp_path / "scan") == ["b.jpg", "scan"]


def test_names_stay_unique_over_several_folders(tmp_path: Path) -> None:
    touch(tmp_path, "x/1.jpg", "y/1.jpg", "y/z/1.jpg")
    assert found_names(tmp_path / "y", tmp_path / "x") == ["x/1.jpg", "y/1.jpg", "y/z/1.jpg"]
    assert found_names(tmp_path / "y", tmp_path / "y" / "z") == ["1.jpg", "z/1.jpg"]


def test_duplicates_are_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    monkeypatch.chdir(tmp_path)
    assert found_names(Path("a.jpg"), tmp_path / "a.jpg", Path(), tmp_path) == ["a.jpg", "b.jpg"]


def test_formats_that_pillow_cannot_decode_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.eps", "a.ps", "a.pdf", "a.wmf", "a.h5", "a.mpg", "a.jpg")
    assert found_names(tmp_path) == ["a.jpg"]


def test_folder_with_an_image_suffix_is_no_image(tmp_path: Path) -> None:
    touch(tmp_path, "album.jpg/1.jpg")
    assert found_names(tmp_path) == ["album.jpg/1.jpg"]


def test_loop_of_links_ends(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg")
    try:
        (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("this system does not let the user make links")
    assert found_names(tmp_path) == ["a/1.jpg"]


def test_nothing_to_find(tmp_path: Path) -> None:
    assert find_images([]) == []
    assert find_images([tmp_path]) == []
    with pytest.raises(ImageError, match="absent does not exist"):
        find_images([tmp_path / "absent"])


@given(st.lists(st.integers(0, 10**12), unique=True, max_size=20))
def test_numbers_sort_by_value(numbers: list[int]) -> None:
    names = sorted((f"img{number}.jpg" for number in numbers), key=natural_key)
    assert names == [f"img{number}.jpg" for number in sorted(numbers)]


@settings(max_examples=50)
@given(st.lists(st.text(alphabet="aA1٣²_. é", min_size=1, max_size=6), unique=True, max_size=8))
def test_any_names_sort_alike_whatever_their_order(names: list[str]) -> None:
    backwards = names[::-1]
    assert sorted(names, key=natural_key) == sorted(backwards, key=natural_key)
