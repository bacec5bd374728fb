"""ModelConfig as JSON, and its errors."""

import json

import pytest

from zsi_core.errors import CheckpointError
from zsi_core.model import ModelConfig


def test_a_configuration_survives_json():
    config = ModelConfig(mask_mode="semantic", anchor_scales=(2.0, 3.0), temperature=10.0)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_whole_numbers_are_read_as_floats_where_a_float_belongs():
    assert ModelConfig.from_dict({"temperature": 7, "anchor_scales": [4]}) == ModelConfig(
        temperature=7.0, anchor_scales=(4.0,)
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"neck": "fpn"}, "fields this version does not know: neck"),
        (
            {"mask_mode": "magic"},
            "'mask_mode' must be one of ('semantic', 'agnostic', 'sum'), but got 'magic'",
        ),
        ({"anchor_scales": "4"}, "'anchor_scales' must be a list of numbers, but got '4'"),
        ({"mask_head": 1}, "'mask_head' must be bool, but got 1"),
        ({"box_features": True}, "'box_features' must be int, but got True"),
        ({"rpn": "plain"}, "not valid: a plain RPN has no background vector"),
    ],
)
def test_errors(values, message):
    with pytest.raises(CheckpointError) as error:
        ModelConfig.from_dict(values)
    assert message in str(error.value)
