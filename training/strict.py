"""Plain values of TOML or JSON as dataclasses: every wrong key, type or length is an error with its place."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from zsi_core.errors import TrainingError


def read_table(cls: Any, values: Any, where: str) -> Any:
    """A table as the dataclass `cls`.

    Raises:
        TrainingError: not a table, an unknown key (with the nearest valid one), a missing one, or a value
            that the class or one of its fields does not accept.
    """
    if not isinstance(values, Mapping):
        raise TrainingError(f"{where} must be a table, but got {values!r}")
    hints = get_type_hints(cls)
    for key in values:
        if key not in hints:
            raise TrainingError(f"{where}: unknown key {key!r}; {nearest(key, hints)}")
    required = {
        f.name
        for f in dataclasses.fields(cls)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    if missing := sorted(required - set(values)):
        raise TrainingError(f"{where}: missing key {missing[0]!r}")
    read = {key: _value(hints[key], value, f"{where}: {key}") for key, value in values.items()}
    try:
        return cls(**read)
    except ValueError as error:
        raise TrainingError(f"{where}: {error}") from error


def _value(hint: Any, value: Any, where: str) -> Any:
    """A value of the file as the type that a field of a dataclass asks for."""
    if dataclasses.is_dataclass(hint):
        return read_table(hint, value, where)
    if get_origin(hint) is Union:  # of words and a list
        words, many = get_args(hint)
        return _value(many if isinstance(value, list) else words, value, where)
    if get_origin(hint) is Literal:
        accepted = get_args(hint)
        if value not in accepted:
            raise TrainingError(f"{where} must be one of {', '.join(accepted)}, but got {value!r}")
        return value
    if get_origin(hint) is tuple:
        return _values(get_args(hint), value, where)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise TrainingError(f"{where} must be {hint.__name__}, but got {value!r}")
    return value


def _values(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    """A list of the file as `tuple[hints]`; the last hint is `...` where any length will do."""
    if not isinstance(value, list):
        raise TrainingError(f"{where} must be a list, but got {value!r}")
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(value)
    if len(value) != len(hints):
        raise TrainingError(f"{where} must be a list of {len(hints)}, but got {value!r}")
    return tuple(
        _value(hint, item, f"{where}[{i}]") for i, (hint, item) in enumerate(zip(hints, value, strict=True))
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """What to say of a word that is not known."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
