"""Values of a recipe changed on the command line: `steps=500`, `model.background=constant`,
`datasets.coco_train.repeat=2`."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from training.strict import nearest
from zsi_core.errors import TrainingError


def override(values: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The values of a recipe file with some of them replaced.

    Args:
        values: content of the file.
        changes: `key=value` each. Dots lead into tables, and into data sets by their names. A value is
            written as in TOML; what is no TOML is a string, so that words need no quotation marks.

    Raises:
        TrainingError: no `=`, or a key that leads nowhere. Unknown last parts of keys, and values that the
            recipe does not accept, are left to whoever reads the result.
    """
    changed = copy.deepcopy(dict(values))
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key.strip():
            raise TrainingError(f"--set {change} must have the form key=value, for example steps=500")
        *path, last = key.strip().split(".")
        _table(changed, path, change)[last] = _value(value.strip())
    return changed


def _table(values: dict[str, Any], path: Sequence[str], change: str) -> dict[str, Any]:
    """The table that a path leads to."""
    here: Any = values
    for part in path:
        if isinstance(here, list):
            named = {entry.get("name"): entry for entry in here if isinstance(entry, dict)}
            if part not in named:
                raise TrainingError(
                    f"--set {change}: no set is called {part!r}; {nearest(part, map(str, named))}"
                )
            here = named[part]
        else:
            here = here.setdefault(part, {}) if part == "model" else here.get(part)
        if not isinstance(here, (dict, list)):
            raise TrainingError(
                f"--set {change}: {part!r} holds no further keys; {nearest(part, ('model', 'datasets'))}"
            )
    if isinstance(here, list):
        raise TrainingError(f"--set {change}: name the set, as in datasets.NAME.repeat=2")
    return here


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
