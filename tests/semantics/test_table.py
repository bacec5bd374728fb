"""Word tables: every kind of file, the conversion cache, and a clear error for each thing that can be bad."""

from __future__ import annotations

import gzip
import pickle
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from zsi_core.errors import WordTableError
from zsi_core.files import resources_dir
from zsi_core.semantics import WordTable
from zsi_core.semantics import table as table_module

WORDS = ("cat", "dog", "hot-dog", "New_York")
VECTORS = np.array([[3, 0, 4], [0, 2, 0], [1, 1, 1], [0, 0, -5]], np.float32)
UNIT = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)


def npz(path: Path, words: Sequence[str] = WORDS, vectors: np.ndarray = VECTORS) -> Path:
    np.savez(path, words=np.array(words), vectors=vectors.astype(np.float16))
    return path


def binary(path: Path, words: Sequence[str] = WORDS, vectors: np.ndarray = VECTORS) -> Path:
    pairs = zip(words, vectors, strict=True)
    rows = [word.encode() + b" " + struct.pack(f"<{len(row)}f", *row) for word, row in pairs]
    path.write_bytes(f"{len(words)} {vectors.shape[1]}\n".encode() + b"\n".join(rows) + b"\n")
    return path


def glove(path: Path, words: Sequence[str] = WORDS, vectors: np.ndarray = VECTORS) -> Path:
    pairs = zip(words, vectors, strict=True)
    rows = [" ".join([word, *(f"{value:g}" for value in row)]) for word, row in pairs]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def text(path: Path, words: Sequence[str] = WORDS, vectors: np.ndarray = VECTORS) -> Path:
    content = glove(path, words, vectors).read_text(encoding="utf-8")
    path.write_text(f"{len(words)} {vectors.shape[1]}\n{content}", encoding="utf-8")
    return path


def zipped(path: Path) -> Path:
    plain = glove(path.with_suffix(""))
    path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


KINDS: dict[str, Callable[[Path], Path]] = {
    "table.npz": npz,
    "vectors.bin": binary,
    "vectors.txt": text,
    "vectors.vec": text,
    "glove.txt": glove,
    "glove.txt.gz": zipped,
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_gives_the_same_unit_vectors(name: str, tmp_path: Path) -> None:
    table = WordTable.load(KINDS[name](tmp_path / name))
    assert table.words == list(WORDS)
    assert (len(table), table.dimension) == (4, 3)
    assert "New_York" in table and "new_york" not in table
    np.testing.assert_allclose(table.matrix, UNIT, atol=1e-6)
    assert table.vector("cat").dtype == np.float32
    np.testing.assert_allclose(table.vector("cat"), [0.6, 0, 0.8], atol=1e-6)


def test_the_first_of_two_equal_words_counts(tmp_path: Path) -> None:
    for name, write in (("a.bin", binary), ("a.txt", text), ("b.txt", glove)):
        table = WordTable.load(write(tmp_path / name, ("cat", "cat", "dog"), np.eye(3, dtype=np.float32)))
        assert table.words == ["cat", "dog"]
        np.testing.assert_array_equal(table.matrix, [[1, 0, 0], [0, 0, 1]])


def test_a_glove_word_may_hold_spaces(tmp_path: Path) -> None:
    table = WordTable.load(glove(tmp_path / "glove.840B.txt", ("cat", ". . .", "at name", "dog")))
    assert table.words == ["cat", ". . .", "at name", "dog"]


# Each row: file name, writer of a broken file, parts of the message.
def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _cut(write: Callable[[Path], Path], keep: float) -> Callable[[Path], object]:
    def cut(path: Path) -> None:
        content = write(path).read_bytes()
        path.write_bytes(content[: int(len(content) * keep)])

    return cut


def _with(value: float, write: Callable[..., Path]) -> Callable[[Path], object]:
    vectors = VECTORS.copy()
    vectors[1] = value
    return lambda path: write(path, WORDS, vectors)


def _arrays(**arrays: np.ndarray) -> Callable[[Path], object]:
    return lambda path: np.savez(path, **arrays)


BROKEN: list[tuple[str, Callable[[Path], object], tuple[str, ...]]] = [
    ("absent.bin", lambda path: None, ("does not exist", "check the path")),
    ("folder.bin", lambda path: path.mkdir(), ("is not a file",)),
    ("empty.txt", _bytes(b""), ("is empty (0 bytes)",)),
    ("word.docx", _bytes(b"x"), ("unknown kind '.docx'", "word2vec .bin")),
    ("nosuffix", _bytes(b"x"), ("unknown kind ''", "word2vec .bin")),
    ("gensim.kv", _bytes(pickle.dumps(1)), (".kv files can run code", "save_word2vec_format")),
    ("model.pt", _bytes(b"x"), ("can run code",)),
    # damaged
    ("cut.npz", _cut(npz, 0.7), ("truncated or damaged", "copy it again")),
    ("cut.bin", _cut(binary, 0.4), ("truncated or damaged", "4 words of 3 values")),
    ("short.bin", _cut(binary, 0.93), ("truncated or damaged", "it ends before word 4")),
    ("cut.vec", _cut(text, 0.62), ("truncated or damaged", "does not have 3 numbers")),
    ("lines.txt", _bytes(b"3 2\na 1 2\nb 3 4\n"), ("truncated", "promises 3 words, but 2 follow")),
    ("cut_glove.txt", _bytes(b"a 1 2 3\nb 1\n"), ("vector 2 ('b') does not have 3 numbers",)),
    ("cut.txt.gz", _cut(zipped, 0.6), ("cannot be read", "copy it again")),
    ("nogzip.txt.gz", _bytes(b"a 1 2 3\n"), ("cannot be read", "copy it again")),
    # not word vectors
    ("novel.txt", _bytes(b"Call me Ishmael. Some years ago\n"), ("wrong header", "GloVe")),
    ("photo.bin", _bytes(b"\xff\xd8\xff\xe0" * 50), ("wrong header",)),
    ("huge.bin", _bytes(b"99999999999 300\n"), ("wrong header",)),
    ("zero.bin", _bytes(b"0 300\n"), ("wrong header",)),
    ("zero.txt", _bytes(b"0 300\n"), ("wrong header",)),
    ("flat.txt", _bytes(b"cat 1\ndog 2\n"), ("wrong header",)),
    ("numbers.bin", _bytes(b"4 300 1\n"), ("wrong header",)),
    # .npz with other content
    ("keys.npz", _arrays(words=np.array(["a"])), ("lacks", "vectors")),
    ("shape.npz", _arrays(words=np.array(["a"]), vectors=np.ones((2, 3))), ("shape (N, D), but", "(2, 3)")),
    ("type.npz", _arrays(words=np.array([1]), vectors=np.ones((1, 3))), ("must be N strings", "int64")),
    ("none.npz", _arrays(words=np.array([], "U1"), vectors=np.ones((0, 3))), ("holds no words",)),
    ("twice.npz", lambda path: npz(path, ("a", "a", "b", "c")), ("lists a word twice",)),
    ("object.npz", _arrays(words=np.array(["a"], object), vectors=np.ones((1, 3))), ("allow_pickle=False",)),
    # vectors that cannot be used
    ("nan.npz", _with(np.nan, npz), ("'dog' (word 2)", "NaN or infinite", "use another copy, or remove")),
    ("nan.bin", _with(np.nan, binary), ("'dog' (word 2)", "NaN or infinite")),
    ("nan.vec", _with(np.nan, text), ("'dog' (word 2)", "NaN or infinite")),
    ("nan.txt", _with(np.nan, glove), ("'dog' (word 2)", "NaN or infinite")),
    ("inf.bin", _with(np.inf, binary), ("'dog' (word 2)", "NaN or infinite")),
    ("zero_vector.txt", _with(0, glove), ("'dog' (word 2)", "is zero")),
    ("zero_vector.npz", _with(0, npz), ("'dog' (word 2)", "is zero")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "write", "parts"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_bad_file_is_refused_with_its_name_and_the_way_out(
    name: str, write: Callable[[Path], object], parts: tuple[str, ...], tmp_path: Path, own_cache: Path
) -> None:
    path = tmp_path / name
    write(path)
    with pytest.raises(WordTableError) as caught:
        WordTable.load(path)
    for part in (str(path), *parts):
        assert part in str(caught.value)
    assert not own_cache.exists(), "a refused file must leave nothing in the cache"


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were parsed, in order."""
    parsed: list[Path] = []
    original = table_module.read_words

    def counted(path: Path) -> tuple[list[str], np.ndarray]:
        parsed.append(path)
        return original(path)

    monkeypatch.setattr(table_module, "read_words", counted)
    return parsed


@pytest.mark.parametrize("name", [name for name in KINDS if name != "table.npz"])
def test_a_file_is_converted_once_and_then_mapped(name: str, tmp_path: Path, conversions: list[Path]) -> None:
    path = KINDS[name](tmp_path / name)
    first, second = WordTable.load(path), WordTable.load(path)
    assert conversions == [path]
    assert isinstance(second.matrix, np.memmap)
    assert second.words == first.words
    assert second.sha256 == first.sha256
    np.testing.assert_array_equal(second.matrix, first.matrix)
    assert second.nearest(second.vector("dog"), 1)[0][0] == "dog"


def test_a_changed_file_is_converted_again_and_its_old_copy_removed(
    tmp_path: Path, own_cache: Path, conversions: list[Path]
) -> None:
    path = glove(tmp_path / "glove.txt")
    before = WordTable.load(path).sha256
    glove(path, ("cat", "dog"), VECTORS[:2])
    after = WordTable.load(path)
    assert len(conversions) == 2
    assert after.words == ["cat", "dog"]
    assert after.sha256 != before
    assert len(list(own_cache.rglob("*.npy"))) == 1


@pytest.mark.parametrize("pattern", ["*.npy", "*.json"])
@pytest.mark.parametrize("content", [b"", b"{}", b"garbage"])
def test_a_damaged_copy_is_made_again(
    pattern: str, content: bytes, tmp_path: Path, own_cache: Path, conversions: list[Path]
) -> None:
    path = glove(tmp_path / "glove.txt")
    WordTable.load(path)
    next(own_cache.rglob(pattern)).write_bytes(content)
    np.testing.assert_allclose(WordTable.load(path).matrix, UNIT, atol=1e-6)
    WordTable.load(path)
    assert len(conversions) == 2


def test_a_cache_that_cannot_be_written_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conversions: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("ZSI_CACHE", str(blocked))
    path = glove(tmp_path / "glove.txt")
    for _ in range(2):
        np.testing.assert_allclose(WordTable.load(path).matrix, UNIT, atol=1e-6)
    assert len(conversions) == 2
    assert "cannot be kept" in caplog.text


def test_the_bundled_table(bundled: WordTable) -> None:
    assert (len(bundled), bundled.dimension) == (59_527, 300)
    assert bundled.sha256 == "1ded7485d6d425694a3c515ff152fc9ebe07a557dbb48c55721297aa943ba50e"
    assert bundled.words[:3] == ["the", "of", "to"]
    np.testing.assert_allclose(np.linalg.norm(bundled.matrix, axis=1), 1, atol=1e-5)
    assert {"hair drier", "forklift", "t-shirt"} <= set(bundled.words)
    assert [word for word, _ in bundled.nearest(bundled.vector("truck"), 2)] == ["truck", "trucks"]
    assert WordTable.bundled() is bundled


def test_a_table_cannot_be_changed(bundled: WordTable) -> None:
    with pytest.raises(ValueError, match="read-only"):
        bundled.matrix[0, 0] = 1
    vector = bundled.vector("dog")
    vector[:] = 0  # a copy
    assert bundled.vector("dog").any()


def test_nearest_gives_cosines_in_order(make_table: Callable[..., WordTable]) -> None:
    table = make_table("cat", "dog", "bus")
    nearest = table.nearest(np.array([2, 1, 0]), k=9)  # not of unit length
    assert [word for word, _ in nearest] == ["cat", "dog", "bus"]
    np.testing.assert_allclose([cosine for _, cosine in nearest], [2 / 5**0.5, 1 / 5**0.5, 0], atol=1e-6)
    with pytest.raises(WordTableError, match=r"shape \(3,\), but got \(4,\)"):
        table.nearest(np.ones(4))


def test_an_unknown_word_names_the_table(make_table: Callable[..., WordTable]) -> None:
    with pytest.raises(WordTableError, match=r"small\.txt has no entry 'bus'"):
        make_table("cat").vector("bus")


def test_vectors_must_fit_the_words() -> None:
    for vectors in (np.ones((3, 2), np.float32), np.ones((2, 2)), np.ones(2, np.float32)):
        with pytest.raises(WordTableError, match=r"float32 with shape \(2, D\)"):
            WordTable(["a", "b"], vectors, "0", "mine.txt")


def test_a_checkpoint_refuses_another_dimension_and_another_table(tmp_path: Path) -> None:
    table = WordTable.load(npz(tmp_path / "mine.npz"))
    table.require()
    table.require(sha256=table.sha256, dimension=3)
    with pytest.raises(
        WordTableError, match=r"mine\.npz has 3 dimensions, but 300 are needed: use the word table"
    ):
        table.require(dimension=300)
    with pytest.raises(WordTableError, match=r"mine\.npz .* is not the one .* \(ffffffffffff…\)"):
        table.require(sha256="f" * 64, dimension=3)


def test_the_hash_is_that_of_the_source_file(tmp_path: Path) -> None:
    import hashlib

    path = binary(tmp_path / "v.bin")
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert [WordTable.load(path).sha256 for _ in range(2)] == [expected, expected]


def test_the_package_needs_no_gensim_and_no_torch_until_a_table_is_loaded() -> None:
    import subprocess
    import sys

    code = (
        "import sys, zsi_core.semantics as s; s.load_split('coco_65_15'); s.class_key('Dog');"
        "print(sorted({'gensim', 'torch', 'inflect'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_card_and_the_script_lie_beside_the_table() -> None:
    folder = resources_dir() / "word_vectors"
    card = (folder / "CARD.md").read_text(encoding="utf-8")
    for licence in ("PDDL", "Apache-2.0", "WordNet 3.0"):
        assert licence in card
    assert (folder / "build_words.py").is_file()
