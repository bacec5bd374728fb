"""`zsi propose` that is stopped, killed or crashes: what it leaves, and how it goes on.

Two runs are compared without `uuid` and `created`, which differ by design.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Run, content
from zsi_core.coco import validate
from zsi_core.errors import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_INTERRUPTED,
)
from zsi_core.inference import Segmenter
from zsi_core.proposing.journal import Journal
from zsi_core.proposing.output import journal_path

pytestmark = pytest.mark.usefixtures("same_arithmetic")


@pytest.fixture
def uninterrupted(zsi: Run, photographs: Path, tmp_path: Path) -> dict[str, Any]:
    assert zsi(photographs, "-o", tmp_path / "uninterrupted.json") == EXIT_DONE
    return content(tmp_path / "uninterrupted.json")


@pytest.fixture
def stopped(photographs: Path, tmp_path: Path, tiny_checkpoint: Path) -> Callable[[int], tuple[int, Path]]:
    """Run the command in another process and send it a signal when two images are done."""

    def run(number: int) -> tuple[int, Path]:
        output = tmp_path / "out.json"
        journal = tmp_path / "out.json.journal"
        # Slowed down, so that the signal comes in the middle on any machine.
        code = (
            "import time, torch\n"
            "from zsi_core import cli\n"
            "from zsi_core.inference import Segmenter, segmenter\n"
            "segmenter.fastest_dtype = lambda _: torch.float32\n"
            "encode = Segmenter.encode\n"
            "Segmenter.encode = lambda self, image: time.sleep(0.5) or encode(self, image)\n"
            "cli.main()\n"
        )
        arguments = ["propose", photographs, "--model", tiny_checkpoint, "--classes", "fork, cat"]
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, [*arguments, "--threshold", 0.02, "-o", output])],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 240
        while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        process.communicate(timeout=60)
        return process.returncode, output

    return run


@pytest.mark.skipif(os.name == "nt", reason="no such signal there")
def test_killed_and_resumed_it_gives_what_one_run_gives(
    stopped: Callable[[int], tuple[int, Path]],
    zsi: Run,
    photographs: Path,
    uninterrupted: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, output = stopped(signal.SIGKILL)
    journal = output.with_name("out.json.journal")
    assert code == -signal.SIGKILL
    assert not output.exists()
    with journal.open("ab") as stream:
        stream.write(b'{"file_name": "10.jpg", "image": {"id"')  # what a kill in the middle of a line leaves
    done = journal.read_bytes().count(b"\n") - 1

    assert zsi(photographs, "-o", output) == EXIT_BAD_INPUT
    assert "--resume" in capsys.readouterr().err
    assert zsi(photographs, "-o", output, "--resume", threshold=0.03) == EXIT_BAD_INPUT
    assert "threshold: 0.02 there, 0.03 now" in capsys.readouterr().err
    assert journal.read_bytes().count(b"\n") - 1 == done

    assert zsi(photographs, "-o", output, "--resume") == EXIT_DONE
    assert content(output) == uninterrupted
    assert not journal.exists()


def check_interrupted(output: Path, uninterrupted: dict[str, Any]) -> None:
    """A valid file of the images that were done, the first of all."""
    partial = content(output)
    assert partial["info"]["zsi"]["complete"] is False
    assert validate(output) == []
    count = len(partial["images"])
    assert 2 <= count < 6
    assert partial["images"] == uninterrupted["images"][:count]
    assert partial["annotations"] == uninterrupted["annotations"][: len(partial["annotations"])]


@pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_a_valid_file(
    zsi: Run,
    photographs: Path,
    tmp_path: Path,
    uninterrupted: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    encode, encoded = Segmenter.encode, []

    def signalled_in_the_third(self: Segmenter, image: np.ndarray) -> Any:
        encoded.append(image)
        if len(encoded) == 3:
            os.kill(os.getpid(), number)
        return encode(self, image)

    output = tmp_path / "out.json"
    monkeypatch.setattr(Segmenter, "encode", signalled_in_the_third)
    assert zsi(photographs, "-o", output) == EXIT_INTERRUPTED
    assert "3 images are left: --resume goes on" in capsys.readouterr().err
    check_interrupted(output, uninterrupted)
    assert zsi(photographs, "-o", output, "--resume") == EXIT_DONE
    assert content(output) == uninterrupted
    assert len(encoded) == 6


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no such signal there")
def test_interrupted_from_outside_it_leaves_a_valid_file(
    stopped: Callable[[int], tuple[int, Path]], uninterrupted: dict[str, Any]
) -> None:
    code, output = stopped(signal.SIGINT)
    assert code == EXIT_INTERRUPTED
    check_interrupted(output, uninterrupted)


def test_resuming_what_is_finished_changes_nothing(
    zsi: Run, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.json"
    assert zsi(photographs, "-o", output, "--resume") == EXIT_DONE  # nothing there yet: a run like any other
    written = output.read_bytes()
    monkeypatch.setattr(Segmenter, "encode", lambda *_: pytest.fail("must not be encoded again"))
    assert zsi(photographs, "-o", output, "--resume") == EXIT_DONE
    assert output.read_bytes() == written


@pytest.mark.parametrize("flag", ["--resume", "--overwrite"])
def test_two_runs_do_not_write_to_one_file(
    zsi: Run, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    output = tmp_path / "out.json"
    with Journal.create(journal_path(output), {}):
        assert zsi(photographs, "-o", output, flag) == EXIT_BAD_INPUT
    said = capsys.readouterr().err
    assert f"out.json.journal is in use by process {os.getpid()} on " in said
    assert "wait until that has ended" in said


@pytest.mark.parametrize("change", ["another name", "another image", "another program"])
def test_resuming_what_is_something_else_is_refused(
    zsi: Run, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    output = tmp_path / "out.json"
    assert zsi(photographs, "-o", output) == EXIT_DONE
    if change == "another image":
        (photographs / "new.png").write_bytes((photographs / "1.png").read_bytes())
    if change == "another program":
        output.write_text('{"images": [], "annotations": [], "categories": []}')
    classes = "cat" if change == "another name" else "fork, cat"
    written = output.read_bytes()
    assert zsi(photographs, "-o", output, "--resume", classes=classes) == EXIT_BAD_INPUT
    assert "not the result of this request" in capsys.readouterr().err
    assert output.read_bytes() == written


def test_a_repaired_image_is_tried_again_on_resume(
    zsi: Run,
    photographs: Path,
    tmp_path: Path,
    uninterrupted: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = (photographs / "2.jpg").read_bytes()
    (photographs / "2.jpg").write_bytes(b"")
    encode, encoded = Segmenter.encode, []

    def crash_at_the_third(self: Segmenter, image: np.ndarray) -> Any:
        encoded.append(image)
        if len(encoded) == 3:
            raise RuntimeError("crash")
        return encode(self, image)

    monkeypatch.setattr(Segmenter, "encode", crash_at_the_third)
    assert zsi(photographs, "-o", tmp_path / "out.json") == 3
    monkeypatch.setattr(Segmenter, "encode", encode)
    (photographs / "2.jpg").write_bytes(sound)
    assert zsi(photographs, "-o", tmp_path / "out.json", "--resume") == EXIT_DONE
    assert content(tmp_path / "out.json") == uninterrupted
