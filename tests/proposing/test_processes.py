"""Several processes of one run: how images are dealt out, and that two real processes find what one does."""

from __future__ import annotations

import json
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
import torch
from PIL import Image
from torch.distributed import HashStore

from zsi_core.errors import ZsiError
from zsi_core.images import FoundImage
from zsi_core.proposing.dealing import deal_out
from zsi_core.proposing.interruption import Interruption
from zsi_core.proposing.job import Finished
from zsi_core.proposing.journal import Journal
from zsi_core.proposing.processes import LostProcessError, Processes, launched
from zsi_core.proposing.progress import RunProgress

ROOT = Path(__file__).parents[2]

# ---------------------------------------------------------------- dealing out


def test_each_item_is_dealt_out_once_to_whoever_is_free() -> None:
    store = HashStore()
    one, two = (Processes(number, 2, number, store).share("abcdefg") for number in range(2))
    dealt = [next(one), next(two), next(two), next(two), next(one), *two, *one]
    assert dealt == list("abcdefg")


def test_stopped_by_one_no_process_is_given_more() -> None:
    store = HashStore()
    processes = [Processes(number, 2, number, store) for number in range(2)]
    one, two = (process.share("abcdefg") for process in processes)
    assert [next(one), next(two)] == ["a", "b"]
    processes[1].stop("abcdefg")
    assert [*one, *two] == []


def test_finished_items_of_all_are_counted() -> None:
    store = HashStore()
    one, two = (Processes(number, 2, number, store) for number in range(2))
    assert [one.count_finished(), two.count_finished(), one.count_finished()] == [1, 2, 3]
    assert Processes().count_finished() == 1


def test_alone_everything_is_this_process_s() -> None:
    with launched({}) as alone, alone.main_first():
        alone.wait()
    assert (alone.is_main, alone.device(None), alone.device("cuda")) == (True, None, "cuda")
    assert list(alone.share("abc")) == list("abc")


def test_gpus_of_a_machine_are_taken_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    third = Processes(6, 8, 2, HashStore())
    assert [third.device(wanted) for wanted in (None, "cuda", "cuda:1", "cpu")] == [
        "cuda:0",
        "cuda:0",
        "cuda:1",
        "cpu",
    ]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert third.device(None) is None


def test_half_a_launcher_is_refused() -> None:
    with (
        pytest.raises(LostProcessError, match=r"2 processes cannot find each other .*RANK"),
        launched({"WORLD_SIZE": "2"}),
    ):
        pass


# ---------------------------------------------------------------- bringing together


class _Lost(Processes):
    """A process that finds at the end that another one is gone."""

    def wait(self) -> None:
        raise LostProcessError("another process of the run is gone")


def entry(name: str) -> dict[str, Any]:
    return {"file_name": name, "image": {}, "annotations": []}


@pytest.mark.parametrize("number", [0, 1])
def test_a_lost_process_takes_no_finished_image_with_it(
    tmp_path: Path, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "journal"
    images = [FoundImage(Path(name), name) for name in ("a", "b", "c")]
    with Journal.create(path, {}) as main:
        with Journal.part(path, 1) as part:
            part.append(entry("a"))
            part.append({"file_name": "b", "skipped": "is empty"})
            journal = part if number else main

            def work(given: Any) -> Any:
                for image in given:
                    journal.append(entry(image.name))
                    yield Finished(image)

            def run() -> None:
                with Interruption() as interruption, RunProgress() as progress:
                    progress.start(3, 2)
                    deal_out(images[2:], work, journal, _Lost(number), progress, interruption)

            if number:
                with pytest.raises(LostProcessError):
                    run()
            else:
                part.close()
                run()
        main.take_over_parts()
        assert main.done == {"a", "c"}
        assert main.skipped == {"b": "is empty"}
    if not number:
        assert "is gone\nskipped: b is empty\n" in capsys.readouterr().err


def test_what_the_processes_do_not_share_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Processes, "_exchange", lambda self, value: [value, value + 1])
    with pytest.raises(ZsiError, match="not the same"):
        Processes().require_same(["1.png"], "not the same")


# ---------------------------------------------------------------- real processes

DEADLINE = 600
"""Seconds that a run may take on a machine with other things to do."""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start `zsi` in two processes, or alone; encoding takes half a second, so that both get images."""
    (tmp_path / "zsi.py").write_text(
        "import time, torch\n"
        "from zsi_core import cli\n"
        "from zsi_core.inference import Segmenter, segmenter\n"
        "segmenter.fastest_dtype = lambda _: torch.float32\n"
        "encode = Segmenter.encode\n"
        "Segmenter.encode = lambda self, image: time.sleep(0.5) or encode(self, image)\n"
        "cli.main()\n"
    )
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]

    def run(*arguments: object, alone: bool = False) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *([] if alone else launcher), "zsi.py", *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code, and all that was printed."""
    out, err = process.communicate(timeout=DEADLINE)
    return process.returncode, out + err


def content(path: Path) -> dict[str, Any]:
    """A file of proposals without what differs between two equal runs."""
    document = json.loads(path.read_text())
    for annotation in document["annotations"]:
        del annotation["zsi"]["uuid"], annotation["zsi"]["created"]
    return document


def holder(journal: Path) -> int:
    """The process that has a journal open, once it holds three images."""
    deadline = time.monotonic() + DEADLINE
    while not journal.exists() or journal.read_bytes().count(b"\n") < 4:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(journal.with_name(f".{journal.name}.lock").read_text().split()[1])


@pytest.fixture
def request_for(tmp_path: Path, tiny_checkpoint: Path) -> Callable[[str], list[object]]:
    """Arguments of `zsi propose` for twenty small pictures and a broken one."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(20):
        pixels = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((80, 60)).save(folder / f"{number}.png")
    (folder / "broken.jpg").write_bytes(b"")
    given = ["propose", folder, "--model", tiny_checkpoint, "-c", "fork, cat", "--threshold", 0.02]
    return lambda output: [*given, "-o", output]


@pytest.mark.slow
@pytest.mark.timeout(5 * DEADLINE)
@pytest.mark.skipif(os.name == "nt", reason="no such signal there")
def test_two_processes_find_what_one_does_also_when_one_is_killed(
    start: Start, request_for: Callable[[str], list[object]], tmp_path: Path
) -> None:
    code, said = ended(start(*request_for("one.json"), alone=True))
    assert code == 1, said
    one = content(tmp_path / "one.json")

    code, said = ended(start(*request_for("two.json")))
    assert code == 1, said
    assert content(tmp_path / "two.json") == one
    assert said.count("skipped: broken.jpg") == 1
    assert said.count("two.json: 20 images") == 1

    part = tmp_path / "three.json.journal.part1"
    run = start(*request_for("three.json"))
    killed = holder(part)
    os.kill(killed, signal.SIGKILL)
    code, said = ended(run)
    assert code == 1, said
    assert "images are left: --resume goes on" in said
    partial = content(tmp_path / "three.json")
    assert not partial["info"]["zsi"]["complete"]
    assert 6 <= len(partial["images"]) < 20
    assert not part.exists(), "taken over by the other process"

    run = start(*request_for("three.json"), "--resume")
    os.kill(holder(part), 0)
    os.kill(holder(part.with_suffix("")), signal.SIGKILL)
    assert ended(run)[0] == 1
    assert part.exists(), "nobody was left to take it over"
    assert ended(start(*request_for("three.json"), "--resume", alone=True))[0] == 1
    assert content(tmp_path / "three.json") == one
    assert not list(tmp_path.glob("three.json.*"))
