"""JSON of unknown origin: every fault of the file itself has a message of its own."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zsi_core.coco import json_file
from zsi_core.coco.json_file import load_json
from zsi_core.errors import AnnotationError

DEEP = 100_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b'{"images": [{"id": 1, "file_name": "a', "cut off"),
        (b'{"images": [1, 2', "cut off"),
        (b'{"images": ', "cut off"),
        (b'{"images": [1 2]}', "line 1, column 15.*correct it there"),
        (b"{'images': []}", "not valid JSON"),
        (b'{"images": []} {}', "Extra data"),
        (b"images: []", "not valid JSON"),
        ('{"a": "é"}'.encode("latin-1"), r"is not UTF-8 text \(byte 7\)"),
        ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "is not UTF-8"),
        (b'{"area": NaN}', "holds NaN, which JSON does not have"),
        (b'{"area": -Infinity}', "holds -Infinity"),
        (b"[" * DEEP, "nested too deeply"),
        (b"[" * DEEP + b"]" * DEEP, "nested too deeply"),
        (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "nested too deeply"),
        (b'{"id": 1' + b"0" * 5000 + b"}", "number that is too long"),
    ],
)
def test_faults_of_the_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(AnnotationError, match=message) as caught:
        load_json(path)
    assert str(path) in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"absent\.json does not exist"):
        load_json(tmp_path / "absent.json")
    with pytest.raises(AnnotationError, match=r"is a folder|cannot be read"):
        load_json(tmp_path)


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").write_text("[1, 2, 3]")
    monkeypatch.setattr(json_file, "MAX_BYTES", 8)
    with pytest.raises(AnnotationError, match="split it"):
        load_json(tmp_path / "a.json")


def test_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": "\xc4\x8daj"}')
    assert load_json(tmp_path / "a.json") == {"a": "čaj"}


def test_nan_on_request(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[NaN, Infinity]")
    nan, infinity = load_json(tmp_path / "a.json", allow_nan=True)
    assert math.isnan(nan)
    assert infinity == math.inf


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:019-.eENaN\\u', max_size=60).map(str.encode))
def test_any_bytes_are_json_or_an_annotation_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    try:
        value = load_json(path)
    except AnnotationError as error:
        assert str(path) in str(error)
    else:
        assert value == json.loads(content.decode("utf-8-sig"))
