"""Annotation files read entry by entry: the content of a file, or a message that names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zsi_core.coco import stream as module
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
    assert list(stream.objects("annotations", "id")) == entries
    assert list(stream.objects("images", "id")) == []
    assert stream.value("info", {}) == {"year": 2014}
    assert stream.value("licenses", [7]) == [7]


def test_what_only_the_standard_library_reads_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, b'\xef\xbb\xbf{"images": [{"id": 1, "large": 1e999}], "licenses": null}')
    stream = CocoStream(path)
    assert list(stream.entries("images")) == [{"id": 1, "large": float("inf")}]
    assert (stream.keys(), list(stream.entries("licenses"))) == (["images", "licenses"], [])


def test_every_entry_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPORT_BYTES", 1000)
    read: list[int] = []
    path = written(tmp_path, json.dumps({"images": [{"id": i} for i in range(3000)]}))
    stream = CocoStream(path, read.append)
    assert sum(1 for _ in stream.objects("images", "id")) == 3000
    assert sum(read) == sum(len(json.dumps({"id": i})) for i in range(3000))
    assert len(read) > 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"images":[{"id":1},{"id":', "not valid JSON, or is cut off"),
        ("", "cut off"),
        ('{"images":[{"id":1}]} and more', r"trailing characters \(byte 23\)"),
        ('{"images":[{"id":NaN}]}', r"not valid JSON.*byte 17"),
        (b'{"images":[{"id":1,"file_name":"\xe9"}]}', r"images\[0\] cannot be read .*position 21"),
        (b'{"images":[{"id":1},{"id":' + b"1" * 5000 + b"}]}", r"images\[1\] cannot be read .*5000 digits"),
        ('{"images":{"id":1}}', r"images must be a list, but is .*id.*1"),
        ('{"images":[5]}', r"images\[0\] must be an object, but is 5"),
        ('{"images":[{"id":1},{"id":"2"}]}', r"images\[1\]\.id must be an integer, but is '2'"),
        ('{"images":[{}]}', r"images\[0\]\.id must be an integer, but is None"),
    ],
)
def test_what_is_wrong_is_told(content: str | bytes, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(AnnotationError, match=message) as caught:
        list(CocoStream(path).objects("images", "id"))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"absent\.json cannot be read"):
        list(CocoStream(tmp_path / "absent.json").entries("images"))
