"""Names of the authors' published checkpoints (mmdetection 1.0), and what becomes of each entry.

A training checkpoint has 682 entries. Besides those that are renamed here, four layers need more than a name:
`vec_fb` another shape, `fc_semantic` and `kernel_semantic` are folded into T_e, and `conv_vec` holds the
background and the word vectors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

FC_SEMANTIC, KERNEL_SEMANTIC = "bbox_head.fc_semantic", "bbox_head.kernel_semantic"
VEC_FB, CONV_VEC = "rpn_head.vec_fb.weight", "mask_head.conv_vec.weight"
FC_REG = "bbox_head.fc_reg.weight"

CONVERTED = (
    *(f"{layer}.{kind}" for layer in (FC_SEMANTIC, KERNEL_SEMANTIC) for kind in ("weight", "bias")),
    VEC_FB,
    CONV_VEC,
)
"""Entries that become something else."""

_RENAMED = (
    (r"backbone\.", "backbone.body."),
    (r"neck\.lateral_convs\.(\d)\.conv\.", r"backbone.fpn.inner_blocks.\1.0."),
    (r"neck\.fpn_convs\.(\d)\.conv\.", r"backbone.fpn.layer_blocks.\1.0."),
    (r"rpn_head\.rpn_conv\.", "rpn.head.conv."),
    (r"rpn_head\.rpn_cls_conv_T\.", "rpn.head.T."),
    (r"rpn_head\.rpn_reg\.", "rpn.head.deltas."),
    (r"bbox_head\.shared_fcs\.0\.", "detector.fc1."),
    (r"bbox_head\.shared_fcs\.1\.", "detector.fc2."),
    (r"bbox_head\.fc_reg\.", "detector.deltas."),
    (r"mask_head\.convs\.3\.conv\.", "mask_head.convs.0."),
    (r"mask_head\.upsample\.", "mask_head.upsample."),
    (r"mask_head\.convT\.conv\.", "mask_head.E_hidden."),
    (r"mask_head\.kernel_semantic\.", "mask_head.E."),
)

_DROPPED = (
    (r"mask_head\.convs\.[012]\.conv\.", "never used: their result is overwritten by the next one's"),
    (r"bbox_head\.fc_res\.", "never used"),
    (r"bbox_head\.d_(kernel|fc)_semantic\.", "decoder of the detector, which only training needs"),
    (r"mask_head\.(d_kernel_semantic|dconvT\.conv)\.", "decoder of the mask head, which only training needs"),
    (r"mask_head\.(con_vec_t|conv_vec_unseen)\.", "word vectors, which the given file holds"),
)


def without_module(names: Mapping[str, object]) -> dict[str, str]:
    """Entry of the file -> its name without the `module.` of a model that was trained on several GPUs."""
    return {name: name.removeprefix("module.") for name in names}


def own_name(published: str) -> str | None:
    """The entry's name in our network; None where it has none."""
    for pattern, replacement in _RENAMED:
        if match := re.match(pattern, published):
            return match.expand(replacement) + published[match.end() :]
    return None


def reason_to_drop(published: str) -> str | None:
    """Why an entry is left out; None for one that is not."""
    return next((reason for pattern, reason in _DROPPED if re.match(pattern, published)), None)
