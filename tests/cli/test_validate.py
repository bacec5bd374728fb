"""`zsi validate`: one line per fault, a summary, an exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zsi_core.cli import main

VALID: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "1.jpg", "width": 20, "height": 10}],
    "categories": [{"id": 1, "name": "fork"}],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "bbox": [1, 1, 3, 3],
            "area": 9,
            "iscrowd": 0,
            "segmentation": [],
        }
    ],
}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["zsi", "validate", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def write(folder: Path, **changes: Any) -> Path:
    document = json.loads(json.dumps(VALID))
    document["annotations"][0].update(changes)
    (folder / "a.json").write_text(json.dumps(document))
    return folder / "a.json"


def test_sound_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path)
    assert run(monkeypatch, path) == 0
    assert capsys.readouterr().out == f"{path}: no errors, no warnings\n"


def test_warnings_are_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, bbox=[1, 1, 0, 3])
    assert run(monkeypatch, path) == 0
    assert capsys.readouterr().out.splitlines() == [
        "warning: annotations[0].bbox: has no extent: [1, 1, 0, 3]",
        f"{path}: no errors, 1 warning",
    ]


def test_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, image_id=2, iscrowd=False)
    assert run(monkeypatch, path) == 1
    assert capsys.readouterr().out.splitlines() == [
        "error: annotations[0].image_id: 2 is not the id of any image of the file",
        "error: annotations[0].iscrowd: must be the integer 0 or 1, but is False",
        f"{path}: 2 errors, no warnings",
    ]


def test_images_are_checked_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path)
    assert run(monkeypatch, path, "--images", tmp_path) == 1
    assert "1.jpg does not exist" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"", b'{"images": [', b"\xff\xfe", b"[" * 100_000])
def test_unreadable_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    assert run(monkeypatch, path) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert line.startswith(f"error: {path} ")


def test_many_errors_are_not_all_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.json").write_text(json.dumps({**VALID, "annotations": [5] * 5000}))
    assert run(monkeypatch, tmp_path / "a.json") == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1002
    assert "4000 more errors are not listed" in lines[-2]
    assert lines[-1].endswith("more than 1000 errors, no warnings")


@pytest.mark.parametrize("module", ["zsi_core.instances", "zsi_core.coco", "zsi_core.images"])
def test_libraries_of_data_stay_light(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('torch', 'gensim', 'PySide6') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, bbox=None)
    result = subprocess.run(
        [sys.executable, "-m", "zsi_core.cli", "validate", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout.startswith(
        "error: annotations[0].bbox: must be [x, y, width, height], but is None\n"
    )
    assert result.stderr == ""


def test_mended_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, iscrowd=False, bbox=[1, 1, 3, 3])
    copy = tmp_path / "copy.json"
    assert run(monkeypatch, path, "--fix", copy) == 0
    assert capsys.readouterr().out.splitlines() == [
        "changed: 1 × iscrowd that is not the integer 0 or 1: written as one (annotations[0])",
        f"{copy}: 1 image, 1 object, 1 class written",
        f"{copy}: no errors, no warnings",
    ]
    assert run(monkeypatch, write(tmp_path, image_id=5), "--fix", copy) == 1
    assert capsys.readouterr().out.splitlines()[0] == (
        "left out: 1 × objects of an image that is not listed (annotations[0])"
    )
