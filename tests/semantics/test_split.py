"""Class splits: the shipped ones in benchmark order, and a clear message for each malformed one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zsi_core.errors import SplitError
from zsi_core.semantics import ClassSplit, class_key, load_split, split_names

# In no set of the 48/17 split.
NEITHER = {
    "traffic light", "fire hydrant", "stop sign", "parking meter", "sports ball", "baseball bat",
    "baseball glove", "tennis racket", "wine glass", "hot dog", "potted plant", "dining table", "cell phone",
    "teddy bear", "hair drier",
}  # fmt: skip


def test_the_shipped_splits_have_the_benchmark_counts_and_order() -> None:
    assert split_names() == ("coco_48_17", "coco_65_15")
    larger, smaller = load_split("coco_65_15"), load_split("coco_48_17")
    assert (larger.name, len(larger.seen), len(larger.unseen)) == ("coco_65_15", 65, 15)
    assert (smaller.name, len(smaller.seen), len(smaller.unseen)) == ("coco_48_17", 48, 17)
    # Facts of the benchmark: the first and last of each group, and places that ascending ids would change.
    assert (larger.seen[0], larger.seen[64], larger.unseen[0], larger.unseen[14]) == (
        "person", "toothbrush", "airplane", "hair drier",
    )  # fmt: skip
    assert (smaller.seen[38], smaller.seen[39], smaller.seen[47]) == ("toothbrush", "train", "toaster")
    assert smaller.unseen[13:] == ("scissors", "airplane", "cat", "snowboard")


@pytest.mark.parametrize("short", ["65_15", "48_17"])
def test_the_numbers_of_a_shipped_split_are_its_short_name(short: str) -> None:
    assert load_split(short) == load_split(f"coco_{short}")


def test_both_splits_cover_the_same_80_names() -> None:
    larger, smaller = load_split("coco_65_15"), load_split("coco_48_17")
    everything = set(larger.seen + larger.unseen)
    assert len(everything) == 80
    assert everything - set(smaller.seen + smaller.unseen) == NEITHER
    assert not set(smaller.seen + smaller.unseen) - everything


@pytest.mark.shared
def test_the_orders_agree_with_the_published_vectors(test_data: Path) -> None:
    """The published columns carry no names, so a wrong order shows as a wrong nearest seen class."""
    folder = test_data / "word_vectors" / "reference"
    nearest = {
        "coco_65_15": {"airplane": "boat", "train": "bus", "cat": "dog", "suitcase": "backpack",
                       "toaster": "oven", "snowboard": "skis", "sandwich": "pizza",
                       "hair drier": "teddy bear"},
        "coco_48_17": {"bus": "train", "dog": "horse", "elephant": "giraffe", "knife": "spoon", "cat": "bird",
                       "keyboard": "laptop", "sink": "toilet", "scissors": "toothbrush", "snowboard": "skis"},
    }  # fmt: skip
    columns: dict[str, dict[str, np.ndarray]] = {}
    for name, expected in nearest.items():
        split = load_split(name)
        vectors = np.loadtxt(folder / f"word_w2v_withbg_{name[5:]}.txt", delimiter=",").T[1:]
        columns[name] = dict(zip(split.seen + split.unseen, vectors, strict=True))
        seen = np.stack([columns[name][other] for other in split.seen])
        for unseen, neighbour in expected.items():
            assert split.seen[int((seen @ columns[name][unseen]).argmax())] == neighbour
    for name, vector in columns["coco_48_17"].items():
        np.testing.assert_array_equal(vector, columns["coco_65_15"][name])


def test_a_split_is_a_value() -> None:
    assert ClassSplit("a", ("dog",)) == ClassSplit("a", ("dog",), ())
    assert hash(ClassSplit("a", ("dog",), ("cat",))) == hash(ClassSplit("a", ("dog",), ("cat",)))


@pytest.mark.parametrize(
    ("seen", "unseen", "message"),
    [
        ((), ("cat",), "'mine' has no seen class"),
        (("dog", "cat", "Dog"), (), "lists 'Dog' twice in 'seen'"),
        (("dog",), ("hot dog", "Hot  Dog"), "lists 'Hot  Dog' twice in 'unseen'"),
        (("dog", "cat"), ("CAT",), "has 'CAT' in both 'seen' and 'unseen'"),
        (("dog", ""), (), "'seen': the class name is empty"),
        (("dog",), ("x" * 101,), "'unseen': the class name .* has 101 characters"),
        (("dog", 5), (), "'seen' must hold names, but got 5"),
    ],
)
def test_a_malformed_split_is_refused(seen: tuple[str, ...], unseen: tuple[str, ...], message: str) -> None:
    with pytest.raises(SplitError, match=message):
        ClassSplit("mine", seen, unseen)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name = 'a'\nseen = ['dog']", "exactly the keys name, seen, unseen; wrong: unseen"),
        ("name = 'a'\nseen = ['dog']\nunseen = []\nids = 1", "wrong: ids"),
        ("name = 'a'\nseen = ['dog'", "is not valid TOML"),
        ("name = 1\nseen = ['dog']\nunseen = []", "name must be a string"),
        ("name = 'a'\nseen = 'dog'\nunseen = []", "seen and unseen lists"),
        ("name = 'a'\nseen = ['dog', 'Dog']\nunseen = []", "lists 'Dog' twice"),
        ("name = 'a'\nseen = [['dog']]\nunseen = []", "must hold names"),
    ],
)
def test_a_malformed_file_is_refused_with_its_path(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SplitError, match=message) as caught:
        load_split(path)
    assert str(path) in str(caught.value)


def test_a_split_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "steel"\nseen = ["scratch", "Patch"]\nunseen = ["crack"]\n', encoding="utf-8")
    assert load_split(path) == ClassSplit("steel", ("scratch", "Patch"), ("crack",))
    assert class_key(load_split(str(path)).seen[1]) == "patch"


def test_an_unknown_split_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SplitError, match=r"no class split is called 'coco' *: use coco_48_17, coco_65_15"):
        load_split("coco")
    with pytest.raises(SplitError, match=r"absent\.toml cannot be read"):
        load_split(tmp_path / "absent.toml")
    binary = tmp_path / "photo.toml"
    binary.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(SplitError, match=r"photo\.toml cannot be read"):
        load_split(binary)
