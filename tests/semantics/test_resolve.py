"""From a typed name to a vector: each step, and a clear message for each name that has none."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsi_core.errors import NameResolutionError
from zsi_core.semantics import Step, WordTable, class_key, load_split, resolve, resolve_all, resolve_strict

MakeTable = Callable[..., WordTable]

# (entries of the table, typed name, step, entries used, words ignored)
STEPS: list[tuple[str, str, Step, tuple[str, ...], tuple[str, ...]]] = [
    ("dog|cat", "dog", Step.EXACT, ("dog",), ()),
    ("hot dog|hot|dog", "  hot \t dog ", Step.EXACT, ("hot dog",), ()),
    ("scissors|scissor", "scissors", Step.EXACT, ("scissors",), ()),
    ("tomatoes|tomato", "tomatoes", Step.EXACT, ("tomatoes",), ()),
    ("dog|cat", "DOG", Step.CASE, ("dog",), ()),
    ("TV|cat", "tv", Step.CASE, ("TV",), ()),
    ("New_York|cat", "New_York", Step.EXACT, ("New_York",), ()),
    ("cafe|cat", "Café", Step.CASE, ("cafe",), ()),
    ("hot dog|hot|dog", "hot-dog", Step.SEPARATOR, ("hot dog",), ()),
    ("hot_dog|hot|dog", "Hot Dog", Step.SEPARATOR, ("hot_dog",), ()),
    ("cell phone|cell|phone", "cell_phone", Step.SEPARATOR, ("cell phone",), ()),
    ("t-shirt|shirt", "t shirt", Step.SEPARATOR, ("t-shirt",), ()),
    ("New_York|cat", "new york", Step.SEPARATOR, ("New_York",), ()),
    ("dog|cat", "(dog)", Step.SEPARATOR, ("dog",), ()),
    ("tomato|cat", "tomatoes", Step.SINGULAR, ("tomato",), ()),
    ("mouse|cat", "mice", Step.SINGULAR, ("mouse",), ()),
    ("mouse|cat", "Mice", Step.SINGULAR, ("mouse",), ()),
    ("knife|cat", "knives", Step.SINGULAR, ("knife",), ()),
    ("glass|cat", "glasses", Step.SINGULAR, ("glass",), ()),
    ("bus|bu", "buses", Step.SINGULAR, ("bus",), ()),
    ("cactus|cat", "cacti", Step.SINGULAR, ("cactus",), ()),
    ("cell phone|cellphones|phones", "cell-phones", Step.SINGULAR, ("cell phone",), ()),
    ("t-shirt|cat", "T-Shirts", Step.SINGULAR, ("t-shirt",), ()),
    ("t-shirt|cat", "tshirt", Step.COMPOUND, ("t-shirt",), ()),
    ("t-shirt|cat", "tshirts", Step.COMPOUND, ("t-shirt",), ()),
    ("handbag|hand", "hand bag", Step.COMPOUND, ("handbag",), ()),
    ("teddy bear|bear", "teddybear", Step.COMPOUND, ("teddy bear",), ()),
    ("dish|rack|cat", "dishrack", Step.COMPOUND, ("dish", "rack"), ()),
    ("dish|rack|cat", "dishracks", Step.COMPOUND, ("dish", "rack"), ()),
    ("the|car|pet|carp|etc", "carpetc", Step.COMPOUND, ("carp", "etc"), ()),
    ("red|car|cat", "red car", Step.MEAN, ("red", "car"), ()),
    ("red|t-shirt|shirt", "red t shirt", Step.MEAN, ("red", "t-shirt"), ()),
    ("big|hot dog|hot|dog", "big hot-dogs", Step.MEAN, ("big", "hot dog"), ()),
    ("dog|the", "the dog", Step.MEAN, ("dog",), ("the",)),
    ("bag|chip|of", "bag of chips", Step.MEAN, ("bag", "chip"), ("of",)),
    ("bolt|cat", "M8 bolt", Step.MEAN, ("bolt",), ("M8",)),
    ("house|green|greenhouse|big", "big green house", Step.MEAN, ("big", "green", "house"), ()),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "name", "step", "used", "missing"), STEPS)
def test_each_step_reports_what_it_used(
    entries: str,
    name: str,
    step: Step,
    used: tuple[str, ...],
    missing: tuple[str, ...],
    make_table: MakeTable,
) -> None:
    table = make_table(*entries.split("|"))
    resolution = resolve(table, name)
    assert (resolution.step, resolution.used, resolution.missing) == (step, used, missing)
    assert resolution.phrase == name
    assert resolution.problem == ""
    assert resolution.vector is not None
    assert resolution.vector.dtype == np.float32
    expected = sum(table.vector(entry) for entry in used)
    np.testing.assert_allclose(resolution.vector, expected / np.linalg.norm(expected), atol=1e-6)


# (entries of the table, typed name, parts of the message, the suggestions)
ERRORS: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = [
    ("dog", "", ("name is empty", "for example 'hair drier'"), ()),
    ("dog", " \t\n", ("name is empty",), ()),
    ("dog", "x" * 500, ("'xxxxxxxxxxxxxxxxxxxxxxx…' has 500 characters", "at most 100"), ()),
    ("dog", "dog " * 26, ("has 104 characters",), ()),
    ("dog", "?!", ("'?!' has no letters",), ()),
    ("dog", "😀", ("has no letters",), ()),
    ("dog", "собака", ("'собака'", "Cyrillic", "small.txt", "type the English name"), ()),
    ("dog", "γάτα", ("Greek", "type the English name"), ()),
    ("dog", "狗", ("Han letters", "type the English name"), ()),
    ("dog", "いぬ", ("Hiragana", "type the English name"), ()),
    ("dog", "كلب", ("Arabic", "type the English name"), ()),
    ("forklift|fork|lift", "forklfit", ("'forklfit' in small.txt", "did you mean forklift?"), ("forklift",)),
    ("dog", "qwxz", ("'qwxz'", "try a more common word"), ()),
    # What looks like a compound, a plural or a phrase, but is a typing error.
    ("sandwich|sand|ich", "sandich", ("did you mean sandwich, sand?",), ("sandwich", "sand")),
    ("light|traffic", "traffig light", ("did you mean traffic?",), ("traffic",)),
    ("hair drier|hair", "hair dreir", ("did you mean hair drier?",), ("hair drier",)),
    ("cell phone|phone", "clel phone", ("did you mean cell phone?",), ("cell phone",)),
    ("ga|cat", "gas", ("'gas'",), None),
    ("bu|cat", "bus", ("'bus'",), None),
    ("glas|cat", "glass", ("'glass'",), ("glas",)),
    ("len|cat", "lens", ("'lens'",), ("len",)),
    # The head noun is unknown: the rest of the phrase does not carry the class.
    ("red|car", "red xylotomb", ("'red xylotomb'",), ()),
    ("wine|red", "xylotomb of wine", ("'xylotomb of wine'",), ()),
    ("of|the|dog", "of the", ("'of the'",), None),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "name", "parts", "suggestions"), ERRORS)
def test_a_name_without_a_vector_says_why_and_what_to_do(
    entries: str,
    name: str,
    parts: tuple[str, ...],
    suggestions: tuple[str, ...] | None,
    make_table: MakeTable,
) -> None:
    table = make_table(*entries.split("|"))
    resolution = resolve(table, name)
    assert resolution.vector is None
    assert (resolution.step, resolution.used) == (Step.NONE, ())
    if suggestions is not None:
        assert resolution.suggestions == suggestions
    with pytest.raises(NameResolutionError) as caught:
        resolve_strict(table, name)
    assert str(caught.value) == resolution.problem
    for part in parts:
        assert part in resolution.problem


def test_a_table_of_another_language_knows_its_own_words(make_table: MakeTable) -> None:
    table = make_table("собака", "кошка")
    assert resolve(table, "Собака").used == ("собака",)


def test_words_with_opposite_vectors_have_no_mean() -> None:
    table = WordTable(["hot", "cold"], np.array([[1, 0], [-1, 0]], np.float32), "0", "small.txt")
    resolution = resolve(table, "hot cold")
    assert (resolution.vector, resolution.step) == (None, Step.NONE)
    assert "the vectors of hot and cold cancel each other out" in resolution.problem


def test_a_mean_that_may_be_a_typing_error_says_so(bundled: WordTable) -> None:
    resolution = resolve(bundled, "hot hog")
    assert (resolution.step, resolution.used) == (Step.MEAN, ("hot", "hog"))
    assert resolution.suggestions[0] == "hot dog"


def test_synonyms_count_the_same_however_many_words_they_have(bundled: WordTable) -> None:
    found = resolve(bundled, " sofa =  settee = cell phones")
    assert (found.step, found.problem) == (Step.SYNONYMS, "")
    assert found.used == ("sofa", "settee", "cell phone")
    mean = sum(bundled.vector(word) for word in found.used)
    np.testing.assert_allclose(found.vector, mean / np.linalg.norm(mean), atol=1e-6)
    assert resolve(bundled, "sofa = SOFA =").used == ("sofa", "sofa")


def test_a_synonym_without_a_vector_is_told_not_left_out(bundled: WordTable) -> None:
    found = resolve(bundled, "sofa = cuoch")
    assert found.vector is None
    assert found.phrase == "sofa = cuoch"
    assert "no word vector for 'cuoch'" in found.problem
    assert "couch" in found.suggestions


def test_resolve_all_stacks_vectors_and_lists_every_bad_name(make_table: MakeTable) -> None:
    table = make_table("dog", "cat")
    vectors = resolve_all(table, ["cats", "dog"])
    np.testing.assert_array_equal(vectors, [[0, 1], [1, 0]])
    assert vectors.dtype == np.float32
    assert resolve_all(table, []).shape == (0, 2)
    with pytest.raises(NameResolutionError) as caught:
        resolve_all(table, ["dog", "zzz", "", "cat", "qqq"])
    for part in ("'zzz'", "name is empty", "'qqq'"):
        assert part in str(caught.value)


def test_all_benchmark_names_are_entries_of_the_bundled_table(bundled: WordTable) -> None:
    split = load_split("coco_65_15")
    names = split.seen + split.unseen
    assert {resolve(bundled, name).step for name in names} == {Step.EXACT}
    cosines = (vectors := resolve_all(bundled, names)) @ vectors.T
    assert (cosines > 0.999).sum() == 80, "every class has a vector of its own"


@pytest.mark.parametrize(
    ("name", "step", "used"),
    [
        ("Hot-Dog", Step.SEPARATOR, ("hot dog",)),
        ("forklifts", Step.SINGULAR, ("forklift",)),
        ("cell_phones", Step.SINGULAR, ("cell phone",)),
        ("tshirt", Step.COMPOUND, ("t-shirt",)),
        ("safety helmet", Step.MEAN, ("safety", "helmet")),
        ("bag of chips", Step.MEAN, ("bag", "chips")),
    ],
)
def test_names_in_the_bundled_table(name: str, step: Step, used: tuple[str, ...], bundled: WordTable) -> None:
    resolution = resolve(bundled, name)
    assert (resolution.step, resolution.used) == (step, used)


def misspellings(word: str) -> list[str]:
    """Every deletion and every exchange of neighbours inside the word."""
    deleted = [word[:i] + word[i + 1 :] for i in range(1, len(word) - 1)]
    exchanged = [word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(1, len(word) - 2)]
    return [wrong for wrong in deleted + exchanged if wrong != word]


@pytest.mark.parametrize(
    "word", ["forklift", "refrigerator", "umbrella", "toothbrush", "elephant", "traffic light"]
)
def test_a_typing_error_is_never_taken_for_something_else(word: str, bundled: WordTable) -> None:
    for wrong in misspellings(word):
        resolution = resolve(bundled, wrong)
        assert resolution.used == (word,) or word in resolution.suggestions, wrong


def test_closest_spellings_are_quick(bundled: WordTable) -> None:
    bundled.closest_spellings("warm up")
    started = time.perf_counter()
    assert bundled.closest_spellings("forklfit")[0] == "forklift"
    assert time.perf_counter() - started < 0.3


def test_closest_spellings_of_a_table_without_like_words(make_table: MakeTable) -> None:
    assert make_table("dog").closest_spellings("zebra") == ()
    assert make_table("Dog", "dog").closest_spellings("dogg", k=1) == ("Dog",), (
        "the more frequent of two equals"
    )


@given(st.text(max_size=30))
def test_class_identity_ignores_case_spaces_and_normal_form(name: str) -> None:
    key = class_key(name)
    assert class_key(key) == key
    assert class_key(f" {name}\t") == key
    assert class_key(unicodedata.normalize("NFD", name)) == key
    assert unicodedata.is_normalized("NFC", key)


@given(st.text(alphabet="abcdefg hijklm\t", max_size=30))
def test_class_identity_ignores_upper_case(name: str) -> None:
    assert class_key(name.upper()) == class_key(name) == " ".join(name.split())


def test_class_identity_keeps_separators() -> None:
    assert class_key("Hot  DOG") == "hot dog" != class_key("hot-dog")
    assert class_key("Straße") == class_key("STRASSE")


@given(st.text(max_size=120))
def test_any_text_resolves_or_has_a_problem(name: str) -> None:
    table = WordTable(["dog", "hot dog"], np.eye(2, dtype=np.float32), "0", "small.txt")
    resolution = resolve(table, name)
    assert (resolution.vector is None) == bool(resolution.problem) == (resolution.step is Step.NONE)
    if resolution.vector is not None:
        assert abs(np.linalg.norm(resolution.vector) - 1) < 1e-5
