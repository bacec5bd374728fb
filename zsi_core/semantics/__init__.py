"""Word vectors, class names and class splits. No torch; gensim is imported only when a table is loaded."""

from zsi_core.semantics.names import class_key
from zsi_core.semantics.resolve import Resolution, Step, resolve, resolve_all, resolve_strict
from zsi_core.semantics.split import ClassSplit, load_split
from zsi_core.semantics.table import WordTable

__all__ = [
    "ClassSplit",
    "Resolution",
    "Step",
    "WordTable",
    "class_key",
    "load_split",
    "resolve",
    "resolve_all",
    "resolve_strict",
]
