"""Annotation files read entry by entry: the content of a file, or a message that names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zsi_core.coco.stream import CocoStream
from zsi_core.errors import AnnotationError


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_entries_are_those_of_the_file(tmp_path: Path) -> None:
    entries: list[dict[str, Any]] = [
        {"id": 9007199254740993, "bbox": [473.07, 1e-7, 0.1, 395.93], "s": "caf\u00e9 \u2603", "x": None},
        {"id": -1, "segmentation": {"size": [3, 4], "counts": "05j0"}, "images": [{"id": 5}]},
    ]
    content = {"info": {"year": 2014}, "images": [], "annotations": entries, "categories": []}
    stream = CocoStream(written(tmp_path, json.dumps(content)))
    assert list(stream.entries("annotations", "id")) == entries
    assert list(stream.entries("images", "id")) == []
    assert stream.value("info", {}) == {"year": 2014}
    assert stream.value("licenses", [7]) == [7]


def test_every_byte_is_told(tmp_path: Path) -> None:
    read: list[int] = []
    path = written(tmp_path, json.dumps({"images": [{"id": i} for i in range(300_000)]}))
    stream = CocoStream(path, read.append)
    assert sum(1 for _ in stream.entries("images", "id")) == 300_000
    assert sum(read) == path.stat().st_size
    assert len(read) > 2  # in several chunks


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"images":[{"id":1},{"id":', "not valid JSON, or is cut off"),
        ("", "cut off"),
        ('{"images":[{"id":1}]} and more', "trailing garbage"),
        ('{"images":[{"id":NaN}]}', "not valid JSON"),
        (b'{"images":[{"id":1,"file_name":"\xe9"}]}', r"invalid bytes in UTF8 string.\): copy"),
        ('{"images":[5]}', r"images\[0\] must be an object, but is 5"),
        ('{"images":[{"id":1},{"id":"2"}]}', r"images\[1\]\.id must be an integer, but is '2'"),
        ('{"images":[{}]}', r"images\[0\]\.id must be an integer, but is None"),
    ],
)
def test_what_is_wrong_is_told(content: str | bytes, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(AnnotationError, match=message) as caught:
        list(CocoStream(path).entries("images", "id"))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"absent\.json cannot be read"):
        list(CocoStream(tmp_path / "absent.json").entries("images"))
