"""A COCO file written image by image: ASCII text that holds exactly what was given, or no file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsi_core.coco.file_stream import coco_file

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def write(path: Path, value: Any) -> str:
    with coco_file(path, info={}, licenses=[], categories=[], extra={"top": value}) as file:
        file.add_image({"id": 1, "value": value})
        file.add_annotations([{"id": 2, "value": value}])
    return path.read_text(encoding="ascii")


@given(value=values)
def test_every_value_comes_back(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    found = json.loads(write(tmp_path_factory.getbasetemp() / "any.json", value))
    assert [found["top"], found["images"][0]["value"], found["annotations"][0]["value"]] == [value] * 3


@pytest.mark.parametrize("value", ["Gänseblümchen", "half \ud800", 2**70, np.float64(0.1), [None, 1e300]])
def test_values_that_a_fast_encoder_stumbles_over(tmp_path: Path, value: Any) -> None:
    assert json.loads(write(tmp_path / "a.json", value))["top"] == value


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": -math.inf}])
def test_what_is_not_finite_is_not_written(tmp_path: Path, value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(tmp_path / "a.json", value)
    assert list(tmp_path.iterdir()) == []
