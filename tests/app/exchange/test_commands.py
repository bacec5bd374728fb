"""`zsi export` and `zsi import`: exit codes and what they print."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from app.command_line import main
from tests.app.exchange.conftest import Exchange, annotation, document


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["zsi", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


@pytest.fixture
def folder(exchange: Exchange) -> Path:
    """Two images in `images`, and `in.json`."""
    exchange.save(document(annotation(), annotation(2, category_id=4)))
    return exchange.folder


def test_in_and_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "import", folder / "in.json", "-o", folder / "new.zsip") == 0
    assert capsys.readouterr().out == f"{folder / 'new.zsip'}: 2 images, 2 objects, 2 classes read\n"
    assert run(monkeypatch, "export", folder / "new.zsip", "-o", folder / "out.json", "--no-provenance") == 0
    assert capsys.readouterr().out == f"{folder / 'out.json'}: 2 images, 2 objects, 2 classes written\n"
    given, written = (json.loads((folder / name).read_text()) for name in ("in.json", "out.json"))
    assert written["annotations"] == given["annotations"]


def test_what_is_left_out_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "in.json").write_text(json.dumps(document(annotation(image_id=9), annotation(2, iscrowd=True))))
    assert run(monkeypatch, "import", folder / "in.json", "-o", folder / "new.zsip") == 1
    assert capsys.readouterr().out.splitlines() == [
        "left out: 1 × objects of an image that is not listed (annotations[0])",
        "changed: 1 × iscrowd that is not the integer 0 or 1: written as one (annotations[1])",
        f"{folder / 'new.zsip'}: 2 images, 1 object, 2 classes read",
    ]


def test_refused_file_leaves_no_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "in.json").write_text('{"images": [{"id": 1, "file_name": "../1.jpg"}]}')
    before = sorted(folder.iterdir())
    assert run(monkeypatch, "import", folder / "in.json", "-o", folder / "new.zsip") == 2
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "{}/gone.json", "-o", "{}/new.zsip"), "does not exist"),
        (("import", "{}/in.json", "-o", "{}/new.zsip", "--images", "{}/gone"), "is not a folder"),
        (("import", "{}/in.json", "-o", "{}/new.zsip", "--format", "x"), "--format must be one of"),
        (("export", "{}/gone.zsip", "-o", "{}/o.json"), "does not exist"),
        (("export", "{}/p.zsip", "-o", "{}/o.json", "--format", "x"), "--format must be one of"),
        (("export", "{}/p.zsip", "-o", "{}/o.json", "--states", "good"), "--states must be among"),
        (("export", "{}/in.json", "-o", "{}/o.json"), "not a project"),
    ],
)
def test_wrong_usage(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    assert run(monkeypatch, *(argument.format(folder) for argument in arguments)) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and message in line
    assert not (folder / "new.zsip").exists()


def test_commands_of_the_library_are_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--help") == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("export", "import", "validate", "propose"))
