"""Start-up of `zsi-annotator`, as long as there is no window."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from app import __main__ as start
from app import qt_guard
from zsi_core import __version__
from zsi_core.cli import app as command_line
from zsi_core.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_SOME_SKIPPED

ROOT = Path(__file__).parents[2]


def test_without_arguments_it_says_what_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert start.main([]) == EXIT_DONE
    said = capsys.readouterr().out
    assert "window does not exist yet" in said
    assert "zsi-annotator --demo" in said


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        start.main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out == f"zsi-annotator {__version__}\n"


def test_paths_are_turned_into_the_command_that_handles_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert start.main(["photos", "a b.jpg"]) == EXIT_BAD_INPUT
    assert "zsi propose photos 'a b.jpg' --classes" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--demo"], ["photos"]])
def test_a_faulty_pyside6_stops_every_start(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(qt_guard, "installed_version", lambda *_: "6.12.0")
    monkeypatch.setattr(start, "run_command_line", lambda _: pytest.fail("must not run"))
    assert start.main(arguments) == EXIT_BAD_INPUT
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: PySide6 6.12.0")


def test_demo_names_where_the_results_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "demo"
    ran: list[Sequence[str]] = []

    def propose(arguments: Sequence[str]) -> int:
        ran.append(arguments)
        assert folder.is_dir()
        return EXIT_SOME_SKIPPED

    monkeypatch.setattr(start, "demo_folder", lambda: folder)
    monkeypatch.setattr(start, "run_command_line", propose)
    assert start.main(["--demo"]) == EXIT_SOME_SKIPPED
    files = ["-o", str(folder / "proposals.json"), "--preview", str(folder / "previews")]
    assert ran == [["propose", "--demo", "--overwrite", *files]]
    assert f"the results go to {folder}" in capsys.readouterr().out


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    monkeypatch.setattr(start, "demo_folder", lambda: in_the_way / "demo")
    assert start.main(["--demo"]) == EXIT_BAD_INPUT
    assert capsys.readouterr().err.startswith(
        f"error: the results of the demo cannot be written to {in_the_way}"
    )


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["no-such-command"], 2)])
def test_the_command_line_runs_as_a_child(
    arguments: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert start.run_command_line(arguments) == code


class Child:
    """A process whose `wait` plays back a list: exceptions are raised, the last value is returned."""

    def __init__(self, *plays: type[BaseException] | int) -> None:
        self.plays = list(plays)

    def wait(self) -> int:
        play = self.plays.pop(0)
        if isinstance(play, int):
            return play
        raise play


@pytest.mark.parametrize(
    ("child", "code"),
    [
        (Child(KeyboardInterrupt, KeyboardInterrupt, EXIT_INTERRUPTED), EXIT_INTERRUPTED),
        (Child(-9), EXIT_INTERNAL),
    ],
)
def test_the_child_is_left_to_finish_after_ctrl_c(
    child: Child, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda _: child)
    assert start.run_command_line(["propose"]) == code
    assert child.plays == []


def test_propose_has_every_option_that_the_demo_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Sequence[str]] = []
    monkeypatch.setattr(start, "run_command_line", lambda arguments: ran.append(arguments) or EXIT_DONE)
    start.propose_on_demo(tmp_path)
    (command, *arguments) = ran[0]
    parameters = typer.main.get_command(command_line).commands[command].params  # type: ignore[attr-defined]
    known = {option for parameter in parameters for option in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("-")} <= known


def test_the_process_of_the_window_loads_neither_torch_nor_gensim() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "app").rglob("*.py"))
    ]
    code = f"""
import importlib, json, sys
for name in {modules}:
    importlib.import_module(name)
print(json.dumps([name for name in ("torch", "torchvision", "timm", "gensim") if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
