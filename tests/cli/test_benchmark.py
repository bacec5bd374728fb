"""`zsi benchmark`: which scripts it runs, with what, and what becomes of their output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zsi_core.cli import main
from zsi_core.commands import benchmark
from zsi_core.errors import EXIT_BAD_INPUT, EXIT_DONE

Run = Callable[..., int]
ECHO = "import json, sys; print(json.dumps({'ran': __file__.split('/')[-1], 'with': sys.argv[1:]}))\n"


@pytest.fixture
def zsi(monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["zsi", "benchmark", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0)

    return run


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of benchmarks: two that tell how they were started, and what they share."""
    for name in ("first.py", "second.py"):
        (tmp_path / name).write_text(ECHO)
    (tmp_path / "harness.py").write_text("raise SystemExit(9)\n")
    monkeypatch.setattr(benchmark, "benchmarks_folder", lambda: tmp_path)
    return tmp_path


def test_all_benchmarks_run_and_their_json_is_one_list(
    zsi: Run, scripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert zsi("--threads", 2, "--repeats", 3, "--model", "mine") == EXIT_DONE
    flags = ["--model", "mine", "--threads", "2", "--repeats", "3"]
    documents = json.loads(capsys.readouterr().out)
    assert documents == [{"ran": "first.py", "with": flags}, {"ran": "second.py", "with": flags}]


def test_named_benchmarks_only(zsi: Run, scripts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert zsi("second") == EXIT_DONE
    documents = json.loads(capsys.readouterr().out)
    assert documents == [{"ran": "second.py", "with": ["--model", "starter"]}]


def test_one_that_fails_is_named_and_the_others_run(
    zsi: Run, scripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (scripts / "first.py").write_text("raise SystemExit(5)\n")
    assert zsi() == 5
    said = capsys.readouterr()
    assert "the benchmark first failed with exit code 5" in said.err
    assert [document["ran"] for document in json.loads(said.out)] == ["second.py"]


def test_an_unknown_name_is_told_with_those_that_exist(
    zsi: Run, scripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert zsi("first", "third") == EXIT_BAD_INPUT
    assert "no benchmark is called third: there are first, second" in capsys.readouterr().err


def test_an_installed_package_says_where_the_benchmarks_are(
    zsi: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "benchmarks_folder", lambda: tmp_path / "missing")
    assert zsi() == EXIT_BAD_INPUT
    assert "part of the source tree" in capsys.readouterr().err


@pytest.mark.slow
def test_a_model_that_is_missing_is_told_by_the_benchmark(
    zsi: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    assert zsi("encode_query", "--model", "no such model") == EXIT_BAD_INPUT
    assert "error: no model is called 'no such model'" in capfd.readouterr().err


@pytest.mark.slow
def test_encode_and_query_are_timed_beside_their_peers(
    zsi: Run, tiny_checkpoint: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert zsi("encode_query", "--model", tiny_checkpoint, "--threads", 1, "--repeats", 1) == EXIT_DONE
    said = capfd.readouterr()
    (document,) = json.loads(said.out)
    names = [figure["name"] for figure in document["figures"]]
    assert names[0] == "encode 640 x 480"
    assert sum(name.startswith("Mask R-CNN") for name in names) == 4
    assert all(figure["best_ms"] > 0 for figure in document["figures"])
    assert (document["model"], document["threads"]) == ("tiny", 1)
    assert all(word in said.err for word in ("encode 640 x 480", "<= 250", "Mask R-CNN"))
