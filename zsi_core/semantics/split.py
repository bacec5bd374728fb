"""`ClassSplit`: which classes a model has seen, and which stay unseen. A value, never numbers in code."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zsi_core.errors import SplitError
from zsi_core.files import resources_dir
from zsi_core.semantics.names import class_key, name_problem


@dataclass(frozen=True)
class ClassSplit:
    """Seen and unseen class names in benchmark order; names are compared by `class_key`.

    Attributes:
        name: of the split, for example "coco_65_15".
        seen: at least one class name.
        unseen: none of the seen ones; may be empty.

    Raises:
        SplitError: no seen class, a name that is empty or not a string, a name twice, or in both groups.
    """

    name: str
    seen: tuple[str, ...]
    unseen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.seen:
            raise SplitError(f"class split {self.name!r} has no seen class: list at least one under 'seen'")
        first_group: dict[str, str] = {}
        for group, names in (("seen", self.seen), ("unseen", self.unseen)):
            for name in names:
                self._check_name(name, group)
                before = first_group.setdefault(key := class_key(name), group)
                first_group[key] = group
                if before != group:
                    raise SplitError(
                        f"class split {self.name!r} has {name!r} in both 'seen' and 'unseen': remove one"
                    )
            if duplicate := _duplicate(names):
                raise SplitError(
                    f"class split {self.name!r} lists {duplicate!r} twice in {group!r}: remove one"
                )

    def _check_name(self, name: object, group: str) -> None:
        if not isinstance(name, str):
            raise SplitError(f"class split {self.name!r}: {group!r} must hold names, but got {name!r}")
        if problem := name_problem(name):
            raise SplitError(f"class split {self.name!r}, {group!r}: {problem}")


def load_split(name_or_path: str | Path) -> ClassSplit:
    """Read a shipped split by name ("coco_65_15" or, shorter, "65_15"), or any split from a TOML file.

    A file has exactly the keys name, seen and unseen.

    Raises:
        SplitError: unknown name, unreadable file, or a malformed split; the message names the file.
    """
    path = Path(name_or_path)
    if not (path.suffix or len(path.parts) > 1):
        shipped = [_splits_dir() / f"{prefix}{name_or_path}.toml" for prefix in ("", "coco_")]
        if not (found := [path for path in shipped if path.exists()]):
            known = ", ".join(split_names())
            raise SplitError(f"no class split is called {str(name_or_path)!r}: use {known}, or a .toml file")
        path = found[0]
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SplitError(f"class split {path} cannot be read ({error}): check the path") from error
    except tomllib.TOMLDecodeError as error:
        raise SplitError(f"class split {path} is not valid TOML ({error}): correct that line") from error
    if wrong := sorted(set(content) ^ {"name", "seen", "unseen"}):
        raise SplitError(
            f"class split {path} must have exactly the keys name, seen, unseen; wrong: {', '.join(wrong)}"
        )
    if [type(content[key]) for key in ("name", "seen", "unseen")] != [str, list, list]:
        raise SplitError(f"class split {path}: name must be a string, seen and unseen lists of names")
    try:
        return ClassSplit(content["name"], tuple(content["seen"]), tuple(content["unseen"]))
    except SplitError as error:
        raise SplitError(f"{path}: {error}") from error


def split_names() -> tuple[str, ...]:
    """Names of the shipped splits, sorted."""
    return tuple(sorted(path.stem for path in _splits_dir().glob("*.toml")))


def _splits_dir() -> Path:
    return resources_dir() / "splits"


def _duplicate(names: Sequence[str]) -> str | None:
    keys = set()
    for name in names:
        if (key := class_key(name)) in keys:
            return name
        keys.add(key)
    return None
