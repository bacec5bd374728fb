"""Identity of a class name, and the checks a typed name must pass before any table is asked.

Two names are the same class exactly when their `class_key` is equal.
"""

from __future__ import annotations

import unicodedata

MAX_NAME_LENGTH = 100


def tidy(name: str) -> str:
    """`name` in NFC with one space between words and none around them; case is kept."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def class_key(name: str) -> str:
    """Identity of a class name: NFC, case-folded, one space between words.

    "Hot  Dog" and "hot dog" have the same key; "hot-dog" is another name (which resolves to the same vector).
    """
    # Case folding can undo both normalisations (U+0345, for one), hence the second pass.
    folded = unicodedata.normalize("NFD", name).casefold()
    return tidy(unicodedata.normalize("NFC", folded).casefold())


def synonyms(name: str) -> tuple[str, ...]:
    """The words that stand together for one class: both of "sofa = couch"; most names are one.

    The vector of such a name is the mean of theirs (see `zsi_core.semantics.resolve`).
    """
    parts = tuple(dict.fromkeys(part for part in map(tidy, name.split("=")) if part))
    return parts or (tidy(name),)


def name_problem(name: str) -> str:
    """Why `name` cannot be a class name in any table; the empty string when it can."""
    if not name.strip():
        return "the class name is empty: type what to look for, for example 'hair drier'"
    if len(name) > MAX_NAME_LENGTH:
        return (
            f"the class name {shortened(name)!r} has {len(name)} characters; at most {MAX_NAME_LENGTH} are "
            "allowed: type one or two words"
        )
    if not any(character.isalnum() for character in name):
        return f"the class name {name!r} has no letters: type a word"
    return ""


def foreign_script(name: str) -> str:
    """Name of the first script in `name` that is not Latin ("Cyrillic"), or the empty string."""
    for character in name:
        if character.isalpha():
            script = unicodedata.name(character, "unknown script").split()[0]
            if script != "LATIN":
                return "Han" if script == "CJK" else script.capitalize()
    return ""


def shortened(name: str, length: int = 24) -> str:
    """`name`, cut to at most `length` characters for a message."""
    return name if len(name) <= length else name[: length - 1] + "…"
