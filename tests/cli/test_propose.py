"""`zsi propose`: the whole command on a model with random weights.

Two runs are compared without `uuid` and `created`, which differ by design.
"""

from __future__ import annotations

import io
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
from PIL import Image

from zsi_core.cli import main
from zsi_core.coco import validate
from zsi_core.errors import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_SOME_SKIPPED,
)
from zsi_core.files import resources_dir
from zsi_core.inference import Segmenter
from zsi_core.proposing.journal import Journal
from zsi_core.proposing.output import journal_path

Run = Callable[..., int]


pytestmark = pytest.mark.usefixtures("same_arithmetic")


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Six small pictures, two of them in a sub-folder with names that are there already."""
    folder = tmp_path / "photographs"
    (folder / "more").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("1.png", "2.jpg", "10.jpg", "more/1.png", "more/2.jpg", "z.png"):
        pixels = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((80, 60)).save(folder / name)
    return folder


@pytest.fixture
def zsi(monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path) -> Run:
    """Run `zsi propose` with the tiny model and a threshold that lets something through."""

    def run(*arguments: object, **options: object) -> int:
        given = {"model": tiny_checkpoint, "threshold": 0.02, "classes": "fork, cat"} | options
        flags = [part for key, value in given.items() if value is not None for part in (f"--{key}", value)]
        monkeypatch.setattr(sys, "argv", ["zsi", "propose", *map(str, [*arguments, *flags])])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0)

    return run


def content(path: Path) -> dict[str, Any]:
    """A file of proposals without what differs between two equal runs."""
    document = json.loads(path.read_text())
    for annotation in document["annotations"]:
        del annotation["zsi"]["uuid"], annotation["zsi"]["created"]
    return document


def listed(path: Path) -> list[str]:
    return [image["file_name"] for image in json.loads(path.read_text())["images"]]


# ---------------------------------------------------------------- the result


def test_the_file_lists_every_image_and_is_valid(zsi: Run, photographs: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "out.json"
    assert zsi(photographs, "-o", output) == EXIT_DONE
    assert validate(output, photographs) == []
    document = json.loads(output.read_text())
    names = ["1.png", "2.jpg", "10.jpg", "more/1.png", "more/2.jpg", "z.png"]
    assert [image["file_name"] for image in document["images"]] == names
    assert [(c["id"], c["name"]) for c in document["categories"]] == [(1, "fork"), (2, "cat")]
    assert {a["category_id"] for a in document["annotations"]} <= {1, 2}
    assert len({a["zsi"]["uuid"] for a in document["annotations"]}) == len(document["annotations"]) > 10
    assert list(output.parent.iterdir()) == [output]


def test_pycocotools_reads_the_file(zsi: Run, photographs: Path, tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    zsi(photographs, "-o", tmp_path / "out.json")
    coco = COCO(str(tmp_path / "out.json"))
    annotations = coco.loadAnns(coco.getAnnIds(imgIds=coco.getImgIds()))
    assert annotations
    for annotation in annotations:
        if annotation["segmentation"]:
            assert coco.annToMask(annotation).sum() == annotation["area"]


def test_provenance_and_request_are_written(
    zsi: Run, photographs: Path, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    from zsi_core.files import file_sha256

    output = tmp_path / "out.json"
    assert zsi(photographs, "-o", output, classes="Cat, hair drier") == EXIT_DONE
    document = json.loads(output.read_text())
    run = document["info"]["zsi"]
    sha256 = file_sha256(tiny_checkpoint / "model.safetensors")
    assert run["names"] == ["Cat", "hair drier"]
    assert (run["model"], run["checkpoint_sha256"], run["threshold"]) == ("tiny", sha256, 0.02)
    assert run["complete"] is True
    made_by = [a["zsi"]["made_by"] for a in document["annotations"]]
    assert {m["checkpoint_sha256"] for m in made_by} == {sha256}
    resolved = {m["name"]: m["resolved_as"] for m in made_by}
    assert resolved["Cat"] == "cat"
    assert all(a["score"] == a["zsi"]["made_by"]["score"] >= 0.02 for a in document["annotations"])


def test_every_image_is_encoded_once(
    zsi: Run, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[tuple[int, ...]] = []
    encode = Segmenter.encode
    monkeypatch.setattr(
        Segmenter, "encode", lambda self, image: encoded.append(image.shape) or encode(self, image)
    )
    assert zsi(photographs, "-o", tmp_path / "out.json") == EXIT_DONE
    assert encoded == [(60, 80, 3)] * 6


def test_limits_are_kept(zsi: Run, photographs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    assert zsi(photographs, "-o", output, "--max-per-image", 2) == EXIT_DONE
    per_image = [a["image_id"] for a in json.loads(output.read_text())["annotations"]]
    assert max(map(per_image.count, per_image)) == 2
    assert zsi(photographs, "-o", output, "--overwrite", threshold=0.99) == EXIT_DONE
    assert json.loads(output.read_text())["annotations"] == []
    assert len(listed(output)) == 6


def test_generalised_mode_adds_the_seen_classes_after_the_typed_ones(
    zsi: Run, photographs: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.json"
    assert zsi(photographs, "-o", output, mode="gzsi", classes="fork, Car") == EXIT_DONE
    names = [category["name"] for category in json.loads(output.read_text())["categories"]]
    assert names == ["fork", "Car", "dog", "person"]
    assert zsi(photographs, "-o", output, "--overwrite", mode="gzsi", classes=None) == EXIT_DONE
    names = [category["name"] for category in json.loads(output.read_text())["categories"]]
    assert names == ["dog", "car", "person"]


def test_names_may_come_from_a_file(zsi: Run, photographs: Path, tmp_path: Path) -> None:
    listing = tmp_path / "names.txt"
    listing.write_text("hair  drier\n\ncat\nHair Drier\nfork\n")
    assert zsi(photographs, "-o", tmp_path / "out.json", classes=f"@{listing}") == EXIT_DONE
    assert content(tmp_path / "out.json")["info"]["zsi"]["names"] == ["hair drier", "cat", "fork"]


def test_the_demo_names_where_its_results_are(
    zsi: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert zsi("--demo", classes=None, threshold=None) == EXIT_DONE
    output, previews = Path("zsi-demo", "proposals.json"), Path("zsi-demo", "previews")
    said = capsys.readouterr().out
    assert str(output) in said
    assert str(previews) in said
    listing = json.loads((resources_dir() / "demo" / "demo.json").read_text())
    pictures = {entry["file"] for entry in listing["images"]}
    assert set(listed(output)) == pictures == {path.name for path in previews.glob("*.jpg")}
    assert content(output)["info"]["zsi"]["names"] == listing["prompt"]


# ---------------------------------------------------------------- broken images


def malformed() -> dict[str, bytes]:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    files = {}
    for format in ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "TGA", "PPM"):
        stream = io.BytesIO()
        noise.save(stream, format)
        files[f"half.{format.lower()}"] = stream.getvalue()[: len(stream.getvalue()) // 4]
        files[f"header of a {format.lower()}.png"] = stream.getvalue()[:12]
    random = np.random.default_rng(1).bytes(3000)
    contents = [
        b"",
        b"\xff",
        b"text\n",
        b"<html></html>",
        b"\0" * 3000,
        random,
        b"%PDF-1.7\n",
        b"PK\3\4" + random,
    ]
    return files | {f"[{i}] no picture.jpg": bytes_ for i, bytes_ in enumerate(contents)}


def test_malformed_images_are_named_and_not_fatal(
    zsi: Run, photographs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = malformed()
    assert len(damaged) >= 20
    for name, data in damaged.items():
        (photographs / name).write_bytes(data)
    output = tmp_path / "out.json"
    assert zsi(photographs, "-o", output) == EXIT_SOME_SKIPPED
    said = capfd.readouterr()
    lines = said.err.splitlines()
    for name in damaged:
        assert sum(line.startswith(f"skipped: {name} ") for line in lines) == 1, name
    assert f"{len(damaged)} skipped" in said.out
    skipped = {e["file_name"]: e["reason"] for e in json.loads(output.read_text())["info"]["zsi"]["skipped"]}
    assert set(skipped) == set(damaged)
    assert not any(str(tmp_path) in reason for reason in skipped.values())
    assert len(listed(output)) == 6
    assert validate(output) == []


def test_only_broken_images_still_give_a_file(zsi: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    assert zsi(tmp_path, "-o", tmp_path / "out.json") == EXIT_SOME_SKIPPED
    assert listed(tmp_path / "out.json") == []


@pytest.mark.skipif(os.name == "nt", reason="no such file names there")
def test_a_name_that_cannot_be_listed_is_skipped(zsi: Run, photographs: Path, tmp_path: Path) -> None:
    (photographs / "z.png").rename(photographs / "a\\..\\z.png")
    assert zsi(photographs, "-o", tmp_path / "out.json") == EXIT_SOME_SKIPPED
    assert len(listed(tmp_path / "out.json")) == 5


# ---------------------------------------------------------------- wrong input


def test_all_bad_names_are_told_before_the_model_is_loaded(
    zsi: Run, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "cat, qwertzuio, fork, brrrlfx"
    assert zsi(photographs, "-o", tmp_path / "out.json", classes=names, model="none") == EXIT_BAD_INPUT
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "'qwertzuio'" in said
    assert "'brrrlfx'" in said
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (["PHOTOS"], {}, "name the file to write"),
        (["-o", "out.json"], {}, "name photographs or folders"),
        (["PHOTOS", "-o", "out.json"], {"classes": None}, "say what to look for"),
        (["PHOTOS", "-o", "out.json"], {"classes": " , "}, "say what to look for"),
        (["PHOTOS", "-o", "out.json"], {"classes": "@missing.txt"}, "cannot be read from missing.txt"),
        (["PHOTOS", "-o", "out.json"], {"threshold": 1.5}, "--threshold"),
        (["PHOTOS", "-o", "out.json"], {"mode": "both"}, "both"),
        (["PHOTOS", "-o", "out.json"], {"model": "missing"}, "no model is called 'missing'"),
        (["PHOTOS", "-o", "out.json"], {"words": "missing.txt"}, "missing.txt"),
        (["PHOTOS", "-o", "out.json"], {"device": "toaster"}, "the device 'toaster' cannot be used"),
        (["PHOTOS", "-o", "out.json", "--resume", "--overwrite"], {}, "give one of them"),
        (["PHOTOS", "-o", "2.jpg"], {}, "suffix .json"),
        (["PHOTOS", "-o", "PHOTOS/2.jpg/out.json"], {}, "cannot be made"),
        (["PHOTOS", "--demo", "-o", "out.json"], {}, "photographs of its own"),
        (["missing", "-o", "out.json"], {}, "missing does not exist"),
        (["empty", "-o", "out.json"], {}, "no images in empty"),
        (["PHOTOS", "-o", "out.json", "--preview", "PHOTOS"], {}, "pictures that are no previews"),
        (["PHOTOS", "-o", "out.json", "--preview", "PHOTOS/more"], {}, "pictures that are no previews"),
    ],
)
def test_wrong_input_is_told(
    zsi: Run,
    photographs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    options: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    arguments = [argument.replace("PHOTOS", photographs.name) for argument in arguments]
    assert zsi(*arguments, **options) == EXIT_BAD_INPUT
    assert message in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_results_are_not_replaced_unasked(
    zsi: Run, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.json"
    output.write_text("precious")
    assert zsi(photographs, "-o", output) == EXIT_BAD_INPUT
    assert "--overwrite" in capsys.readouterr().err
    assert output.read_text() == "precious"
    assert zsi(photographs, "-o", output, "--overwrite") == EXIT_DONE
    assert len(listed(output)) == 6


# ---------------------------------------------------------------- previews


def test_previews_are_apart_from_the_photographs(zsi: Run, photographs: Path, tmp_path: Path) -> None:
    output, previews = tmp_path / "out.json", photographs / "previews"
    for _ in range(2):  # the second run must not propose on the previews of the first
        assert zsi(photographs, "-o", output, "--overwrite", "--preview", previews) == EXIT_DONE
        assert len(listed(output)) == 6
    drawn = {path.relative_to(previews).as_posix() for path in previews.rglob("*.jpg")}
    assert drawn == {"1.png.jpg", "2.jpg", "10.jpg", "more/1.png.jpg", "more/2.jpg", "z.png.jpg"}
    with Image.open(previews / "more/2.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (960, 720))


# ---------------------------------------------------------------- interruptions


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
        deadline = time.monotonic() + 120
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
