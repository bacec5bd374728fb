"""`zsi propose`: the whole command on a model with random weights.

Two runs are compared without `uuid` and `created`, which differ by design.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Run, content
from zsi_core.coco import validate
from zsi_core.errors import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_SOME_SKIPPED,
)
from zsi_core.files import resources_dir
from zsi_core.inference import Segmenter

pytestmark = pytest.mark.usefixtures("same_arithmetic")


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


def names_found_nowhere(path: Path) -> list[str]:
    document = content(path)
    found = {annotation["category_id"] for annotation in document["annotations"]}
    return [category["name"] for category in document["categories"] if category["id"] not in found]


def test_the_demo_names_where_its_results_are(
    zsi: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert zsi("--demo", classes=None, threshold=None) == EXIT_DONE
    output, previews = Path("zsi-demo", "proposals.json"), Path("zsi-demo", "previews")
    said = capsys.readouterr().out
    assert str(output) in said
    assert str(previews) in said
    told = said.partition("nothing sure for ")[2].partition(": a lower --threshold")[0].split(", ")
    assert {"gear", "bolt"} <= set(told) <= set(names_found_nowhere(output))
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
