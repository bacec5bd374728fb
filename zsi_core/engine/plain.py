"""Frozen dataclasses to plain JSON values and back, strictly: a wrong or further field is an error."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def to_plain(record: Any) -> dict[str, Any]:
    """Plain values of a dataclass of str, bool, int, float, None, tuples and such dataclasses."""
    return asdict(record)


def from_plain(cls: type[Record], values: Any) -> Record:
    """Inverse of `to_plain`, for values that came through JSON.

    Raises:
        ValueError: a field is missing, unknown or of another type; the message names it.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{cls.__name__} must be an object, but got {values!r:.80}")
    hints = _hints(cls)  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(hints)):
        raise ValueError(f"{cls.__name__} has no {unknown[0]!r}")
    given: dict[str, Any] = {}
    for field in fields(cls):  # type: ignore[arg-type]
        if field.name in values:
            given[field.name] = _checked(
                f"{cls.__name__}.{field.name}", values[field.name], hints[field.name]
            )
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{cls.__name__} needs {field.name!r}")
    return cls(**given)


@cache
def _hints(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {name: hint for name, hint in hints.items() if get_origin(hint) is not ClassVar}


def _checked(where: str, value: Any, hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (other,) = (argument for argument in arguments if argument is not type(None))
        return _checked(where, value, other)
    if origin is Literal:
        if value in arguments:
            return value
    elif origin is tuple:
        if isinstance(value, list | tuple):
            return _checked_tuple(where, value, arguments)
    elif is_dataclass(hint):
        return from_plain(hint, value)  # type: ignore[arg-type]
    elif hint is float and type(value) is int:
        return float(value)
    elif type(value) is hint:
        return value
    raise ValueError(f"{where} must be {_described(hint)}, but got {value!r:.80}")


def _checked_tuple(where: str, value: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if arguments[1:] == (Ellipsis,):
        return tuple(_checked(where, item, arguments[0]) for item in value)
    if len(value) != len(arguments):
        raise ValueError(f"{where} must have {len(arguments)} values, but got {len(value)}")
    return tuple(_checked(where, item, hint) for item, hint in zip(value, arguments, strict=True))


def _described(hint: Any) -> str:
    return getattr(hint, "__name__", str(hint)) if get_origin(hint) is None else str(hint)
