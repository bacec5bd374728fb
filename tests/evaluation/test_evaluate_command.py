"""`zsi evaluate`: the whole command on drawn photographs and a model with random weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsi_core.cli import main
from zsi_core.errors import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_SOME_SKIPPED,
    AnnotationError,
)
from zsi_core.evaluation.run import Settings, run
from zsi_core.inference import Segmenter
from zsi_core.proposing.journal import Journal
from zsi_core.proposing.processes import Processes
from zsi_core.proposing.progress import RunProgress

Run = Callable[..., int]

CONTRACT = {
    "protocol",
    "split",
    "mode",
    "task",
    "images",
    "recall@100",
    "map50",
    "seen",
    "unseen",
    "harmonic_mean",
    "ar100_agnostic",
    "per_class",
    "strict",
    "bootstrap",
    "model",
    "command",
}


pytestmark = pytest.mark.usefixtures("same_arithmetic")


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of the images that were encoded."""
    shapes: list[tuple[int, ...]] = []
    encode = Segmenter.encode

    def counting(self: Segmenter, image: Any) -> Any:
        shapes.append(image.shape)
        return encode(self, image)

    monkeypatch.setattr(Segmenter, "encode", counting)
    return shapes


@pytest.fixture
def zsi(monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path, drawn_set: Any, tmp_path: Path) -> Run:
    """Run `zsi evaluate` on the drawn set; figures go to metrics.json."""

    def run(**options: object) -> int:
        given = {
            "images": drawn_set.images,
            "annotations": drawn_set.annotations,
            "split": drawn_set.split,
            "model": tiny_checkpoint,
            "resamples": 10,
            "output": tmp_path / "metrics.json",
        } | options
        flags = [part for key, value in given.items() if value is not None for part in (f"--{key}", value)]
        monkeypatch.setattr(sys, "argv", ["zsi", "evaluate", *map(str, flags)])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0)

    return run


def refuse(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def figures(path: Path) -> dict[str, Any]:
    """Content of a metrics file without what may differ between equal runs."""
    metrics = json.loads(path.read_text(), parse_constant=refuse)
    return {key: value for key, value in metrics.items() if key != "command"}


def test_all_modes_and_tasks_come_from_one_encoding_of_each_image(
    zsi: Run, encoded: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert zsi() == EXIT_DONE
    assert len(encoded) == 3
    metrics = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=refuse)
    assert set(metrics) >= CONTRACT
    assert (metrics["split"], metrics["mode"], metrics["task"]) == ("drawn", "all", "all")
    assert len(metrics["model"]["sha256"]) == 64
    assert metrics["command"].startswith("zsi evaluate --images")
    results = metrics["results"]
    assert {task: set(results[task]) & {"zsi", "gzsi"} for task in results} == {
        "segm": {"zsi", "gzsi"},
        "bbox": {"zsi", "gzsi"},
    }
    # The fork stands beside a person without a mask; the car's image holds nothing unseen.
    counts = {t: [results[t][m]["images"] for m in ("zsi", "gzsi")] for t in results}
    assert counts == {"segm": [1, 2], "bbox": [2, 3]}
    assert results["segm"]["zsi"]["box_only_images"] == 1
    assert results["segm"]["box_to_mask"]["seen"]["objects"] == 2
    assert results["segm"]["box_to_mask"]["unseen"]["objects"] == 2
    assert metrics["per_class"]["cat"]["instances"] == 1
    assert metrics["harmonic_mean"] == results["segm"]["gzsi"]["harmonic_mean"]
    assert metrics["map50"] == results["segm"]["zsi"]["map50"]
    printed = capsys.readouterr().out
    for expected in ("Masks, percent", "Boxes, percent", "ZSI unseen", "GZSI harmonic mean", "AR@100"):
        assert expected in printed
    assert "1 left out because they hold objects without a mask" in printed


@pytest.mark.parametrize(
    ("mode", "task", "modes", "tasks"),
    [("zsi", "bbox", {"zsi"}, {"bbox"}), ("gzsi", "segm", {"gzsi"}, {"segm"})],
)
def test_one_mode_and_task(
    zsi: Run, tmp_path: Path, mode: str, task: str, modes: set[str], tasks: set[str]
) -> None:
    assert zsi(mode=mode, task=task, resamples=0) == EXIT_DONE
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert set(metrics) >= CONTRACT
    assert set(metrics["results"]) == tasks
    assert {"zsi", "gzsi"} & set(metrics["results"][task]) == modes
    assert metrics["bootstrap"] is None
    assert (metrics["seen"] is None) == (mode == "zsi")


def test_predictions_are_used_again_and_completed(zsi: Run, encoded: list[Any], tmp_path: Path) -> None:
    assert zsi() == EXIT_DONE
    whole = figures(tmp_path / "metrics.json")
    kept = tmp_path / "kept" / "predictions.jsonl"
    assert zsi(predictions=kept, limit=1) == EXIT_DONE
    assert figures(tmp_path / "metrics.json")["results"]["bbox"]["gzsi"]["images"] == 1
    encoded.clear()
    assert zsi(predictions=kept) == EXIT_DONE
    assert len(encoded) == 2
    assert figures(tmp_path / "metrics.json") == whole
    assert zsi(predictions=kept) == EXIT_DONE
    assert len(encoded) == 2
    assert figures(tmp_path / "metrics.json") == whole
    results = [result for line in kept.read_text().splitlines()[1:] for result in json.loads(line)["zsi"]]
    assert {"image_id", "category_id", "bbox", "score", "segmentation"} == set(results[0])


def test_predictions_of_something_else_are_refused(
    zsi: Run, drawn_set: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "predictions.jsonl"
    assert zsi(predictions=kept, limit=1) == EXIT_DONE
    before = kept.read_bytes()
    other = tmp_path / "other.toml"
    other.write_text(drawn_set.split.read_text().replace('"toaster"', '"sandwich"'), encoding="utf-8")
    assert zsi(predictions=kept, split=other) == EXIT_BAD_INPUT
    message = capsys.readouterr().err
    assert "predictions of something else (unseen:" in message
    assert "toaster" in message
    assert kept.read_bytes() == before
    of_propose = tmp_path / "proposals.json.journal"
    of_propose.write_text('{"journal":1,"names":["fork"]}\n', encoding="utf-8")
    for file in (drawn_set.annotations, of_propose):
        before = file.read_bytes()
        assert zsi(predictions=file) == EXIT_BAD_INPUT
        assert "is not a file of predictions" in capsys.readouterr().err
        assert file.read_bytes() == before


def test_an_interrupted_run_goes_on(
    zsi: Run,
    encoded: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    advance = RunProgress.advance

    def interrupt(self: RunProgress, *finished: Any) -> None:
        advance(self, *finished)
        signal.raise_signal(signal.SIGINT)

    kept = tmp_path / "predictions.jsonl"
    with monkeypatch.context() as patched:
        patched.setattr(RunProgress, "advance", interrupt)
        assert zsi(predictions=kept) == EXIT_INTERRUPTED
    assert "2 images are left: the same command goes on" in capsys.readouterr().err
    assert not (tmp_path / "metrics.json").exists()
    assert zsi(predictions=kept) == EXIT_DONE
    assert len(encoded) == 3


def test_images_that_cannot_be_used_are_listed(
    zsi: Run, drawn_set: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    (drawn_set.images / "0.png").unlink()
    Image.new("RGB", (20, 10)).save(drawn_set.images / "3.png")
    assert zsi() == EXIT_SOME_SKIPPED
    metrics = figures(tmp_path / "metrics.json")
    assert [entry["file_name"] for entry in metrics["skipped"]] == ["0.png", "3.png"]
    assert "is 20 x 10 pixels, but 50 x 40 in the annotation file" in metrics["skipped"][1]["reason"]
    assert str(tmp_path) not in json.dumps(metrics["skipped"])
    assert metrics["results"]["bbox"]["gzsi"]["images"] == 1
    assert "skipped: 0.png" in capsys.readouterr().out
    (drawn_set.images / "7.png").unlink()
    assert zsi() == EXIT_BAD_INPUT
    assert "none of the 3 images could be used" in capsys.readouterr().err


def test_wrong_input_is_told_in_one_line(
    zsi: Run, drawn_set: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leaked = tmp_path / "leaked.toml"
    leaked.write_text('name = "leaked"\nseen = ["car"]\nunseen = ["dog"]\n', encoding="utf-8")
    twice = tmp_path / "twice.json"
    document = json.loads(drawn_set.annotations.read_text())
    document["images"][1]["file_name"] = document["images"][0]["file_name"]
    twice.write_text(json.dumps(document), encoding="utf-8")
    cases: list[tuple[dict[str, object], str]] = [
        ({"split": leaked}, "trained on dog"),
        ({"images": tmp_path / "nowhere"}, "is not a folder"),
        ({"annotations": twice}, "lists 7.png more than once"),
        ({"output": tmp_path}, "is a folder: name a file"),
        ({"device": "abacus"}, "cannot be used"),
    ]
    for options, expected in cases:
        assert zsi(**options) == EXIT_BAD_INPUT
        message = capsys.readouterr().err
        assert expected in message
        assert message.count("\n") == 1


def test_boxes_are_the_headline_where_no_mask_can_be_evaluated(
    zsi: Run, drawn_set: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(drawn_set.annotations.read_text())
    for annotation in document["annotations"]:
        annotation["segmentation"] = []
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps(document), encoding="utf-8")
    assert zsi(annotations=boxes) == EXIT_DONE
    metrics = figures(tmp_path / "metrics.json")
    assert metrics["results"]["segm"]["zsi"]["map50"] is None
    assert metrics["results"]["segm"]["box_to_mask"]["unseen"] == {"mean_iou": None, "objects": 0}
    assert metrics["images"] == 2
    assert metrics["map50"] == metrics["results"]["bbox"]["zsi"]["map50"] is not None
    printed = capsys.readouterr().out
    assert "Masks: none" in printed
    assert "Boxes by class" in printed


def test_a_file_without_a_single_object_is_an_ordinary_case(zsi: Run, drawn_set: Any, tmp_path: Path) -> None:
    document = json.loads(drawn_set.annotations.read_text()) | {"annotations": []}
    empty = tmp_path / "empty.json"
    empty.write_text(json.dumps(document), encoding="utf-8")
    assert zsi(annotations=empty, limit=1) == EXIT_DONE
    metrics = figures(tmp_path / "metrics.json")
    assert metrics["map50"] is None
    assert metrics["ar100_agnostic"] is None


def test_predictions_in_use_are_left_alone(
    zsi: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "predictions.jsonl"
    with Journal.create(kept, {}):
        before = kept.read_bytes()
        assert zsi(predictions=kept) == EXIT_BAD_INPUT
        assert kept.read_bytes() == before
    assert "predictions.jsonl is in use by process" in capsys.readouterr().err


def test_several_processes_need_a_file_for_the_predictions(
    drawn_set: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Processes, "_exchange", lambda self, value: [value, value])
    settings = Settings(drawn_set.images, drawn_set.annotations, str(drawn_set.split))
    with pytest.raises(AnnotationError, match="name it with --predictions"), RunProgress() as progress:
        run(settings, progress, Processes(0, 2))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_measure_what_one_does(
    zsi: Run, drawn_set: Any, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    assert zsi() == EXIT_DONE
    one = figures(tmp_path / "metrics.json")
    (tmp_path / "zsi.py").write_text(
        "import torch\n"
        "from zsi_core import cli\n"
        "from zsi_core.inference import segmenter\n"
        "segmenter.fastest_dtype = lambda _: torch.float32\n"
        "cli.main()\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "zsi.py"]
    command += ["evaluate", "--images", drawn_set.images, "--annotations", drawn_set.annotations]
    command += ["--split", drawn_set.split, "--model", tiny_checkpoint, "--resamples", "10"]
    command += ["--output", "two.json", "--predictions", "predictions.jsonl"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == EXIT_DONE, done.stderr
    assert figures(tmp_path / "two.json") == one
    assert done.stdout.count("two.json: all figures") == 1
    assert not list(tmp_path.glob("predictions.jsonl.*"))
