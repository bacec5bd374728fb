"""Word vectors, class names and class splits. No torch; gensim is imported only when a table is loaded."""

from zsi_core.semantics.distractors import distractor_names, distractors
from zsi_core.semantics.names import class_key
from zsi_core.semantics.relations import Expectation, Outlook, expectation, near_duplicates, nearest_classes
from zsi_core.semantics.resolve import Resolution, Step, resolve, resolve_all, resolve_strict
from zsi_core.semantics.split import ClassSplit, load_split, split_names
from zsi_core.semantics.table import WordTable

__all__ = [
    "ClassSplit",
    "Expectation",
    "Outlook",
    "Resolution",
    "Step",
    "WordTable",
    "class_key",
    "distractor_names",
    "distractors",
    "expectation",
    "load_split",
    "near_duplicates",
    "nearest_classes",
    "resolve",
    "resolve_all",
    "resolve_strict",
    "split_names",
]
