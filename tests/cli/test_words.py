"""`zsi words`: what it prints and how it exits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from zsi_core import cli
from zsi_core.errors import WordTableError


def lines_about(name: str, output: str) -> dict[str, str]:
    """Label and text of each line about one name."""
    block = output.split(f"\n{name}\n", 1)[1].split("\n\n", 1)[0]
    pairs = [line.strip().split("  ", 1) for line in block.splitlines()]
    return {label: text.strip() for label, text in pairs}


def test_a_name_that_resolves_and_one_that_does_not() -> None:
    result = CliRunner().invoke(cli.app, ["words", "hair drier", "forklfit", "Forklifts"])
    assert result.exit_code == 1
    assert (
        "59527 words of 300 dimensions in words_300d.npz; 65 of 65 seen classes of coco_65_15"
        in result.output
    )
    assert lines_about("hair drier", result.output) == {
        "vector": "exact entry: hair drier",
        "nearest seen": "toothbrush 0.21, scissors 0.15, couch 0.13",
        "expect": "nothing near among the seen classes: expect noise",
    }
    assert "did you mean forklift" in lines_about("forklfit", result.output)["not found"]
    assert lines_about("Forklifts", result.output)["vector"] == "plural folded: forklift"
    assert lines_about("Forklifts", result.output)["expect"] == "close to truck: expect usable masks"


def test_all_names_resolve() -> None:
    result = CliRunner().invoke(cli.app, ["words", "the red t shirt", "tomatoes", "[bold]dog"])
    assert result.exit_code == 0
    about = lines_about("the red t shirt", result.output)
    assert about["vector"] == "mean of words: red + t-shirt"
    assert about["ignored"] == "the"
    assert lines_about("tomatoes", result.output)["singular"].startswith(
        "tomato is an entry too (cosine 0.90)"
    )
    assert "[bold]dog" in result.output, "a name is no markup"


def test_warnings_for_near_duplicates() -> None:
    result = CliRunner().invoke(cli.app, ["words", "fridge", "tv", "television"])
    assert result.exit_code == 0
    assert "nearly the same as refrigerator, a seen class" in result.output
    assert "warning: 'tv' and 'television' nearly coincide (cosine 0.97): keep one of them" in result.output
    assert result.output.count("warning:") == 1


def test_a_split_and_a_table_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZSI_CACHE", str(tmp_path))
    table = tmp_path / "mine.txt"
    table.write_text("crack 1 0\nscratch 0.8 0.6\nrivet 0 1\n")
    split = tmp_path / "steel.toml"
    split.write_text('name = "steel"\nseen = ["scratch", "patch"]\nunseen = []\n')
    result = CliRunner().invoke(cli.app, ["words", "cracks", "--table", str(table), "--split", str(split)])
    assert result.exit_code == 0, result.output
    assert "3 words of 2 dimensions in mine.txt; 1 of 2 seen classes of steel are in it" in result.output
    assert lines_about("cracks", result.output)["nearest seen"] == "scratch 0.80"
    result = CliRunner().invoke(cli.app, ["words", "rivet", "--table", str(table)])
    assert lines_about("rivet", result.output)["expect"].startswith("unknown: no seen class")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--table", "absent.bin"], "error: word table absent.bin does not exist"),
        (["--split", "coco"], "error: no class split is called 'coco'"),
    ],
)
def test_a_bad_table_or_split_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["zsi", "words", "dog", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == WordTableError.exit_code == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys; from zsi_core.cli import main; sys.argv = ['zsi', 'words', '--help']\n"
        "try: main()\n"
        "except SystemExit: print('HEAVY', sorted({'gensim', 'numpy', 'torch'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HEAVY []" in result.stdout
