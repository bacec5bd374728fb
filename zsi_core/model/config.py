"""The whole configuration of the network as one frozen value."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from zsi_core.errors import CheckpointError


@dataclass(frozen=True)
class ModelConfig:
    """Every switch of the network; the defaults are the `default` profile.

    No field depends on the classes: a vocabulary is an argument of the forward pass.

    Semantics
        semantic_dimension: D, length of a word vector.

    Backbone and pyramid
        backbone: timm name of a network with feature maps of stride 8, 16 and 32.
        pyramid_channels: C, channels of every pyramid level P3-P6.
        freeze_batch_norm: BatchNorm keeps its running statistics in training (small batches).

    BA-RPN (section 3.2.3)
        rpn: "background_aware" scores anchors through T and W_bf; "plain" is the ordinary RPN of the
            ablations, in which case the background vector is the word "background".
        anchor_scales: anchor side divided by the stride of its level.
        anchor_ratios: height / width.
        proposals_train, proposals_test: proposals kept per image after NMS.
        proposals_nms: IoU above which the weaker proposal is dropped.

    Synchronized background (Sync-bg, Algorithm 1)
        background: "constant" is the mean of the learned background rows of W_bf; "adaptive" adds the mean
            of T(x) over all anchors, weighted by their background probability, so that it differs per image.
        background_gradient: detector and mask losses reach v_b (Algorithm 1, line 6). The published code
            detaches it.
        sync_detector, sync_mask: v_b takes the place of the word "background" in detector and mask head.

    Zero-shot detector (section 3.2.1)
        box_features: F, width of the visual feature f.
        detector_decoder: train T_d with the reconstruction loss L_R (Eq. 1).
        temperature: initial value of the learned factor on cosine scores.
        iou_head: a linear map of f predicts the overlap of a refined box with its object, trained on
            foreground regions alone, because background may hold objects that nobody labelled. The
            objectness of a region is then the geometric mean of the RPN's and this one (Kim et al., Learning
            Open-World Object Proposals without Learning to Classify, RA-L 2022, section 3).
        regions_train: regions sampled per image in training; `positive_fraction` of them at most positive.

    Semantic Mask Head (section 3.2.2)
        mask_head: False trains and predicts boxes only (ZSD).
        mask_channels, mask_convs: width and number of the 3x3 convolutions before the encoder E.
        mask_decoder: train D with L_R.
        mask_mode: "semantic" is the paper's logit <e, w_c>; "agnostic" one map for all names; "sum"
            adds both.
        masks_train: positive regions per image that train the mask head.

    Losses (Eq. 2)
        reconstruction_weight: factor of both L_R terms, each the mean over elements.
        distillation_weight: factor of 1 - cos(e, t) where a target brings teacher vectors t.
        contrastive_weight: factor of a cross-entropy of foreground regions over the seen words and further
            nouns that a batch brings, without background (InfoNCE, van den Oord et al. 2018, Eq. 4); 0: off.
    """

    semantic_dimension: int = 300

    backbone: str = "tf_efficientnet_lite0"
    pyramid_channels: int = 128
    freeze_batch_norm: bool = True

    rpn: Literal["background_aware", "plain"] = "background_aware"
    anchor_scales: tuple[float, ...] = (4.0, 5.657)
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    proposals_train: int = 500
    proposals_test: int = 300
    proposals_nms: float = 0.7

    background: Literal["constant", "adaptive"] = "adaptive"
    background_gradient: bool = True
    sync_detector: bool = True
    sync_mask: bool = True

    box_features: int = 768
    detector_decoder: bool = True
    temperature: float = 20.0
    iou_head: bool = False
    regions_train: int = 128
    positive_fraction: float = 0.25

    mask_head: bool = True
    mask_channels: int = 128
    mask_convs: int = 2
    mask_decoder: bool = True
    mask_mode: Literal["semantic", "agnostic", "sum"] = "sum"
    masks_train: int = 16

    reconstruction_weight: float = 0.5
    distillation_weight: float = 1.0
    contrastive_weight: float = 0.0

    def __post_init__(self) -> None:
        if self.rpn == "plain" and (self.sync_detector or self.sync_mask):
            raise ValueError(
                "a plain RPN has no background vector to synchronise: set sync_detector and sync_mask "
                'to False, or rpn to "background_aware"'
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Inverse of `to_dict`.

        Raises:
            CheckpointError: an unknown field, or a value of the wrong type or outside its choices.
        """
        hints = get_type_hints(cls)
        unknown = sorted(set(values) - set(hints))
        if unknown:
            raise CheckpointError(
                f"the model configuration has fields this version does not know: {', '.join(unknown)}; "
                "install the version that wrote it"
            )
        read = {name: _read_field(name, hints[name], value) for name, value in values.items()}
        try:
            return cls(**read)
        except ValueError as error:
            raise CheckpointError(f"the model configuration is not valid: {error}") from error


def _read_field(name: str, hint: Any, value: Any) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise CheckpointError(f"model field {name!r} must be one of {get_args(hint)}, but got {value!r}")
        return value
    if get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, (int, float)) for v in value):
            raise CheckpointError(f"model field {name!r} must be a list of numbers, but got {value!r}")
        return tuple(float(v) for v in value)
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint:
        raise CheckpointError(f"model field {name!r} must be {hint.__name__}, but got {value!r}")
    return value
