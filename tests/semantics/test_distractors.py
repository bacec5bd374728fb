"""The distractor vocabulary: in the table, concrete, and never at the cost of a benchmark name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from zsi_core.semantics import (
    WordTable,
    class_key,
    distractor_names,
    distractors,
    load_split,
    resolve,
    resolve_all,
)
from zsi_core.semantics.plurals import singular

# Other words for the 80 COCO names, and kinds of them that COCO labels under those names.
SYNONYMS = """
human people man woman child boy girl bike cycle auto automobile taxi van suv motorbike scooter moped jet
plane aeroplane aircraft coach minibus locomotive tram subway lorry pickup ship yacht canoe kayak sailboat
semaphore stoplight hydrant pew duck chicken gull eagle parrot pigeon kitten puppy pony foal lamb goat bull
calf ox mammoth panda koala rucksack knapsack parasol purse bag satchel necktie luggage briefcase disc ball
racket racquet goblet glass mug teacup dagger ladle hamburger burger hotdog sausage doughnut bagel cupcake
tangerine clementine armchair stool sofa loveseat settee plant houseplant mattress crib cot table urinal
television monitor computer notebook phone telephone smartphone mobile stove cooker washbasin basin fridge
freezer novel magazine watch alarm urn shears toy hairdryer dryer drier bat glove
"""

PEOPLE_AND_BODY = """
person hand foot arm leg head face eye ear nose mouth hair finger doctor nurse teacher soldier player driver
baby
"""


@pytest.fixture(scope="session")
def coco() -> tuple[str, ...]:
    split = load_split("coco_65_15")
    return split.seen + split.unseen


def test_every_line_is_a_different_entry_of_the_table(bundled: WordTable) -> None:
    names = distractor_names()
    assert 300 <= len(names) <= 400
    assert len(set(names)) == len(names)
    assert [name for name in names if name not in bundled] == []
    assert [name for name in names if name != class_key(name)] == []
    assert [name for name in names if singular(name) in names] == []


def test_no_benchmark_name_is_penalised_by_the_list(bundled: WordTable, coco: tuple[str, ...]) -> None:
    names = distractor_names()
    parts = {word for name in coco for word in name.split() if name.endswith(word)}
    assert not set(names) & ({*coco, *parts, *SYNONYMS.split()})
    cosines = resolve_all(bundled, names) @ resolve_all(bundled, coco).T
    assert cosines.max() < 0.6, "well below what counts as nearly the same (0.8)"


def test_the_list_names_no_people_and_no_parts_of_the_body() -> None:
    assert not set(distractor_names()) & set(PEOPLE_AND_BODY.split())


@pytest.mark.parametrize(
    "word", ["sky", "grass", "wall", "floor", "road", "tree", "water", "hammer", "forklift"]
)
def test_the_list_covers_stuff_and_tools(word: str) -> None:
    assert word in distractor_names()


def test_distractors_are_the_same_each_time_and_stacked(bundled: WordTable) -> None:
    vectors = resolve_all(bundled, ["dog"])
    names, matrix = distractors(bundled, vectors, ["dog"])
    again, _ = distractors(bundled, vectors, ["dog"])
    assert names == again
    assert len(names) == 300
    assert (matrix.shape, matrix.dtype) == ((300, 300), np.float32)
    np.testing.assert_array_equal(matrix[7], bundled.vector(names[7]))


def test_typed_and_excluded_names_and_their_near_duplicates_leave(bundled: WordTable) -> None:
    typed = ["Hammer", "tree", "fork lift truck"]
    vectors = resolve_all(bundled, ["hammer", "trees", "forklift truck"])
    base, _ = distractors(bundled, vectors[:0], [], count=1000)
    assert set(base) == set(distractor_names())
    names, matrix = distractors(bundled, vectors, typed, exclude_names=["Sky"], count=1000)
    assert set(base) - set(names) == {"hammer", "tree", "forklift", "sky"}
    assert (matrix @ vectors.T).max() <= 0.8


def test_a_spare_entry_replaces_one_that_leaves(bundled: WordTable) -> None:
    first = distractor_names()[0]
    names, _ = distractors(bundled, resolve_all(bundled, [first]), [first], count=100)
    assert len(names) == 100
    assert first not in names


def test_a_table_without_any_of_them_gives_none(make_table: Callable[..., WordTable]) -> None:
    table = make_table("xylem", "phloem")
    names, matrix = distractors(table, resolve_all(table, ["xylem"]), ["xylem"])
    assert names == ()
    assert matrix.shape == (0, 2)


def test_a_smaller_table_gives_those_it_has(make_table: Callable[..., WordTable]) -> None:
    table = make_table("sky", "dog", "hammer")
    names, matrix = distractors(table, resolve_all(table, ["dog"]), ["dog"])
    assert set(names) == {"sky", "hammer"}
    for name, vector in zip(names, matrix, strict=True):
        np.testing.assert_array_equal(vector, resolve(table, name).vector)
