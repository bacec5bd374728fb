"""The benchmark's annotation files: which images and objects go where, for both splits."""

from __future__ import annotations

import json
import re
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsi_core.cli import main
from zsi_core.coco import benchmark_split as module
from zsi_core.coco import read_coco
from zsi_core.semantics import load_split

IDS = {
    name: 3 * row + 1
    for row, name in enumerate(sorted(load_split("65_15").seen + load_split("65_15").unseen))
}
Object = tuple[str, dict[str, Any]]


def objects(*names: str, **changes: Any) -> list[Object]:
    return [(name, changes) for name in names]


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file in COCO's layout, categories last; images are lists of objects, numbered from 100."""

    def write(name: str, *images: list[Object], sizes: dict[int, tuple[int, int]] | None = None) -> Path:
        content: dict[str, Any] = {
            "info": {"year": 2014},
            "images": [],
            "licenses": [{"id": 1, "name": "CC"}],
            "annotations": [],
            "categories": [{"id": id, "name": category} for category, id in IDS.items()],
        }
        for number, found in enumerate(images, 100):
            width, height = (sizes or {}).get(number, (640, 480))
            content["images"].append(
                {"id": number, "file_name": f"{name}_{number}.jpg", "width": width, "height": height}
            )
            for category, changes in found:
                content["annotations"].append(
                    {
                        "id": len(content["annotations"]) + 1,
                        "image_id": number,
                        "category_id": IDS[category],
                        "segmentation": [[1.25, 2, 30, 2, 30, 40.5]],
                        "bbox": [1.25, 2.0, 28.75, 38.5],
                        "area": 553.4,
                        "iscrowd": 0,
                        **changes,
                    }
                )
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content))
        return path

    return write


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["zsi", "benchmark-split", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def content(path: Path) -> dict[int, list[str]]:
    """Image id -> class names of its annotations."""
    coco = read_coco(path)
    return {
        id: [coco.category_names[a.category_id] for a in found] for id, found in coco.annotations_of.items()
    }


def test_training_images_show_no_unseen_class(
    release: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = release(
        "instances_train2014",
        objects("dog", "person"),
        objects("dog", "cat"),  # an unseen one
        objects("dog") + objects("cat", iscrowd=1),  # as a crowd
        objects("dog") + objects("cat", area=0),  # as a speck
        [],
        objects("dog", area=0),
        objects("dog", bbox=[1, 2, 0.5, 30]) + objects("bus", ignore=1) + objects("car"),
        objects("car"),
        objects("person", iscrowd=1),
        sizes={107: (640, 31)},
    )
    assert run(monkeypatch, "--split", "65_15", "--train", source, "-o", tmp_path / "out") == 0
    target = tmp_path / "out" / "train.json"
    assert content(target) == {100: ["dog", "person"], 106: ["car"], 108: ["person"]}
    assert "3 images, 3 objects of 65 seen classes, 1 crowd regions" in capsys.readouterr().out
    assert sorted(path.name for path in target.parent.iterdir()) == ["train.json"]
    kept = json.loads(target.read_text())
    original = json.loads(source.read_text())
    assert [c["name"] for c in kept["categories"]] == list(load_split("65_15").seen)
    assert kept["annotations"][0] == original["annotations"][0]
    assert kept["images"][0] == original["images"][0]
    assert kept["licenses"] == original["licenses"]
    assert kept["info"] == {
        "year": 2014,
        "zsi": {"split": "coco_65_15", "set": "training", "source": "instances_train2014.json"},
    }


def test_tests_of_65_15_have_the_same_images(
    release: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = release(
        "instances_val2014",
        objects("dog", "cat", "fork"),
        objects("dog"),
        objects("cat", iscrowd=1) + objects("person"),
        [],
    )
    assert run(monkeypatch, "--split", "65_15", "--val", source, "-o", tmp_path) == 0
    assert content(tmp_path / "zsi_test.json") == {100: ["cat", "fork"], 102: ["cat"]}
    assert content(tmp_path / "gzsi_test.json") == {100: ["dog", "cat", "fork"], 102: ["cat", "person"]}
    output = capsys.readouterr().out
    assert "2 images, 2 objects of 15 unseen classes, 1 crowd regions; on 1 images as crowds only" in output
    assert "2 images, 2 objects of seen and 2 of unseen classes" in output
    assert "check" not in output  # this is not val2014
    split = load_split("65_15")
    names = [c.name for c in read_coco(tmp_path / "gzsi_test.json").categories]
    assert names == [*split.seen, *split.unseen]


def test_tests_of_48_17_leave_out_what_is_in_neither_group(
    release: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = release(
        "val", objects("dog", "hot dog"), objects("cat", "car"), objects("car"), objects("hot dog")
    )
    assert run(monkeypatch, "--split", "48_17", "--val", source, "-o", tmp_path) == 0
    assert content(tmp_path / "zsi_test.json") == {100: ["dog"], 101: ["cat"]}
    assert content(tmp_path / "gzsi_test.json") == {100: ["dog"], 101: ["cat", "car"], 102: ["car"]}


def test_a_split_of_ones_own_and_both_files(
    release: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = tmp_path / "mine.toml"
    split.write_text('name = "mine"\nseen = ["Dog"]\nunseen = ["bus"]\n')
    train, val = (
        release("train", objects("dog"), objects("bus")),
        release("val", objects("bus"), objects("dog")),
    )
    assert run(monkeypatch, "--split", split, "--train", train, "--val", val, "-o", tmp_path / "out") == 0
    assert content(tmp_path / "out" / "train.json") == {100: ["dog"]}
    assert content(tmp_path / "out" / "gzsi_test.json") == {100: ["bus"], 101: ["dog"]}


@pytest.mark.parametrize(
    ("expected", "verdict"), [((2, 2, 4), ": agrees"), ((2, 9, 4), "gives 2 images, 2 unseen")]
)
def test_the_counts_of_val2014_are_checked(
    expected: tuple[int, int, int],
    verdict: str,
    release: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(module, "VAL2014_IMAGES", 3)
    monkeypatch.setitem(module.CHECK_VALUES, "coco_65_15", module.CheckValue(*expected))
    source = release("COCO_val2014", objects("dog", "cat"), objects("person"), objects("cat", "dog"))
    assert run(monkeypatch, "--split", "65_15", "--val", source, "-o", tmp_path) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("check against the published lists of val2014 (2 images,")
    assert verdict in line


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) * 2 // 3], "cut off"),
        (lambda text: text.replace('"cat"', '"lion"'), "lacks 1 classes of the split coco_65_15: cat"),
        (
            lambda text: text.replace('"image_id": 100', '"image_id": 7'),
            "annotations of image 7, but does not list",
        ),
        (lambda text: text.replace('"category_id": ', '"category_id": 0.'), "category_id must be an integer"),
        (lambda text: re.sub(r'"bbox": \[', '"bbox": ["a",', text), r"bbox of annotation 1 must be"),
        (
            lambda text: text.replace(f'"category_id": {IDS["dog"]}', '"category_id": 999'),
            "has no image for the",
        ),
    ],
)
def test_nothing_is_written_from_a_damaged_file(
    damage: Callable[[str], str],
    message: str,
    release: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = release("train", objects("dog"), objects("dog", "dog"))
    source.write_text(damage(source.read_text()))
    out = tmp_path / "out"
    out.mkdir()
    (out / "train.json").write_text("an earlier one")
    assert run(monkeypatch, "--split", "65_15", "--train", source, "-o", out) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert "train" in error
    assert [path.read_text() for path in out.iterdir()] == ["an earlier one"]


def test_no_file_and_no_folder_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "-o", tmp_path) == 2
    assert "name --train, --val, or both" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert run(monkeypatch, "--train", tmp_path / "a.json", "-o", tmp_path / "file") == 2
    assert "cannot be made" in capsys.readouterr().err
    assert run(monkeypatch, "--train", tmp_path / "a.json", "-o", tmp_path) == 2
    assert "a.json cannot be read" in capsys.readouterr().err


def test_a_file_does_not_go_into_memory(release: Callable[..., Path], tmp_path: Path) -> None:
    polygon = [[round(0.37 * i, 2) for i in range(2000)]]
    source = release("train", *(objects("dog", "car", segmentation=polygon) for _ in range(30)))
    size = source.stat().st_size
    assert size > 800_000
    tracemalloc.start()
    module.BenchmarkSource(source, load_split("65_15")).write_training_set(tmp_path / "train.json")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 2  # parsed as a whole, it would be several times its size
    assert len(read_coco(tmp_path / "train.json").annotations) == 60
