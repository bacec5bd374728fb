"""The entries of a published training checkpoint, in any size, with random values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from zsi_core.model import ZSI, ModelConfig


def shapes(config: ModelConfig, vocabulary_words: int) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the entries besides the backbone's (mmdetection's names; section 3.2 of the paper)."""
    c, d, f = config.pyramid_channels, config.semantic_dimension, config.box_features
    m, n, v = config.mask_channels, config.box_slots, vocabulary_words
    body = ZSI(config, torch.ones(d)).backbone.body
    layers: dict[str, tuple[int, ...]] = {
        **{f"neck.lateral_convs.{i}.conv": (c, w, 1, 1) for i, w in enumerate(body.feature_info.channels())},
        **{f"neck.fpn_convs.{i}.conv": (c, c, 3, 3) for i in range(4)},
        "rpn_head.rpn_conv": (c, c, 3, 3),
        "rpn_head.rpn_cls_conv_T": (d, c, 1, 1),
        "rpn_head.rpn_reg": (12, c, 1, 1),
        "bbox_head.shared_fcs.0": (f, c * 49),
        "bbox_head.shared_fcs.1": (f, f),
        "bbox_head.fc_reg": (4 * (n + 1), f),
        "bbox_head.fc_semantic": (d, f),
        "bbox_head.kernel_semantic": (d, v),
        "bbox_head.d_kernel_semantic": (v, d),
        "bbox_head.d_fc_semantic": (f, d),
        "bbox_head.fc_res": (d, d),
        **{f"mask_head.convs.{i}.conv": (m, m if i else c, 3, 3) for i in range(4)},
        "mask_head.convT.conv": (d, m, 3, 3),
        "mask_head.kernel_semantic": (d, d, 3, 3),
        "mask_head.d_kernel_semantic": (d, d, 3, 3),
        "mask_head.dconvT.conv": (m, d, 3, 3),
    }
    every = {f"backbone.{name}": tuple(value.shape) for name, value in body.state_dict().items()}
    for layer, shape in layers.items():
        every |= {f"{layer}.weight": shape, f"{layer}.bias": shape[:1]}
    every |= {"mask_head.upsample.weight": (m, m, 2, 2), "mask_head.upsample.bias": (m,)}
    every |= {"rpn_head.vec_fb.weight": (6, d, 1, 1), "mask_head.conv_vec.weight": (n + 1, d, 1, 1)}
    return every


def random_entries(shapes: Mapping[str, tuple[int, ...]], seen_words: np.ndarray) -> dict[str, Tensor]:
    """Random values; rows 1.. of conv_vec are the word vectors of the seen classes, as in a real one."""
    generator = torch.Generator().manual_seed(0)
    entries = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            entries[name] = torch.tensor(7)
        elif name.endswith("running_var"):
            entries[name] = torch.rand(shape, generator=generator) + 0.5
        else:
            fan_in = max(1, int(np.prod(shape[1:])))
            entries[name] = torch.randn(shape, generator=generator) / fan_in**0.5
    entries["mask_head.conv_vec.weight"][1:] = torch.from_numpy(seen_words)[:, :, None, None]
    return entries
