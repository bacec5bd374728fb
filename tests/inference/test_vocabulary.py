"""What competes in the softmax, and what of it may be shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from zsi_core.errors import NameResolutionError
from zsi_core.inference import vocabulary
from zsi_core.inference.vocabulary import VocabularyBuilder
from zsi_core.semantics import WordTable, distractor_names, resolve_all

SEEN = ("dog", "car", "person")


@pytest.fixture(scope="module")
def table() -> WordTable:
    return WordTable.bundled()


@pytest.fixture
def builder(table: WordTable) -> VocabularyBuilder:
    return VocabularyBuilder(table, SEEN)


def test_typed_names_come_first_then_the_seen_ones_then_distractors(builder: VocabularyBuilder) -> None:
    built = builder.build(["hair drier", "fork"])
    assert built.names[:5] == ("hair drier", "fork", *SEEN)
    assert built.seen.tolist() == [False, False, True, True, True] + [False] * (len(built.names) - 5)
    assert len(built.names) > 200
    assert set(built.names[5:]) <= set(distractor_names())
    assert len(set(built.names)) == len(built.names)


def test_vectors_belong_to_their_names(builder: VocabularyBuilder, table: WordTable) -> None:
    built = builder.build(["hot dogs", "fork"])
    assert built.vectors.shape == (len(built.names), 300)
    np.testing.assert_allclose(built.vectors.numpy(), resolve_all(table, built.names), atol=1e-6)


@pytest.mark.parametrize(("mode", "shown"), [("zsi", 2), ("gzsi", 5)])
def test_the_mode_decides_what_is_shown(builder: VocabularyBuilder, mode: Any, shown: int) -> None:
    built = builder.build(["fork", "cup"], mode)
    assert built.shown == shown
    assert built.names[: built.shown] == ("fork", "cup", *SEEN)[:shown]


def test_a_seen_name_that_is_typed_counts_once_and_stays_seen(builder: VocabularyBuilder) -> None:
    built = builder.build(["fork", "Dog"], "gzsi")
    assert built.names[:4] == ("fork", "Dog", "car", "person")
    assert built.seen[:4].tolist() == [False, True, True, True]
    assert built.shown == 4


def test_a_name_typed_twice_counts_once_at_its_first_place(builder: VocabularyBuilder) -> None:
    built = builder.build(["Fork", "cup", "fork", " FORK "])
    assert built.names[: built.shown] == ("Fork", "cup")


def test_synonyms_are_one_name_and_do_not_compete_with_it(builder: VocabularyBuilder) -> None:
    built = builder.build(["automobile = car", "fork"])
    assert built.shown == 2
    assert built.names[:4] == ("automobile = car", "fork", "dog", "person")
    assert built.seen[:4].tolist() == [True, False, True, True]
    assert not {"car", "automobile"} & set(built.names)


def test_what_means_nearly_the_same_as_a_typed_name_does_not_compete(
    builder: VocabularyBuilder, table: WordTable
) -> None:
    rival = builder.build(["fork"]).names[10]  # a distractor
    assert rival in distractor_names()
    built = builder.build([rival])
    assert built.names.count(rival) == 1
    # An unknown spelling of it: the same vector under another name.
    typed = rival.upper() + "S"
    built = builder.build([typed])
    cosines = built.vectors[4:] @ built.vectors[0]
    assert rival not in built.names
    assert cosines.max() <= 0.8


def test_without_distractors_only_typed_and_seen_names_compete(table: WordTable) -> None:
    built = VocabularyBuilder(table, SEEN, with_distractors=False).build(["fork"])
    assert built.names == ("fork", *SEEN)


def test_generalised_mode_needs_no_typed_name(builder: VocabularyBuilder) -> None:
    built = builder.build([], "gzsi")
    assert built.names[: built.shown] == SEEN


def test_a_name_is_resolved_once(builder: VocabularyBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved: list[str] = []

    def counted(table: WordTable, names: Sequence[str]) -> np.ndarray:
        resolved.extend(names)
        return resolve_all(table, names)

    monkeypatch.setattr(vocabulary, "resolve_all", counted)
    builder.build(["fork", "cup"])
    builder.build(["cup", "bowl"])
    assert resolved == ["fork", "cup", "bowl"]


def test_selected_rows(builder: VocabularyBuilder) -> None:
    built = builder.build(["fork", "cup"])
    chosen = built.select([2, 0], 1)
    assert chosen.names == ("dog", "fork")
    assert chosen.shown == 1
    assert chosen.seen.tolist() == [True, False]
    assert (chosen.vectors == built.vectors[[2, 0]]).all()


def test_every_bad_name_is_told(builder: VocabularyBuilder) -> None:
    with pytest.raises(NameResolutionError, match=r"qwertzuio.*brrrlfx"):
        builder.build(["qwertzuio", "cup", "brrrlfx"])
    assert builder.build(["cup"]).names[0] == "cup"


def test_no_name_is_an_error(builder: VocabularyBuilder) -> None:
    with pytest.raises(NameResolutionError, match="no class name is given"):
        builder.build([])


def test_an_unknown_mode_is_an_error(builder: VocabularyBuilder) -> None:
    with pytest.raises(ValueError, match="mode must be one of zsi, gzsi, but got 'both'"):
        builder.build(["fork"], "both")  # type: ignore[arg-type]
