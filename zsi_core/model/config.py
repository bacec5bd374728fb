"""The whole configuration of the network as one frozen value."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from zsi_core.errors import CheckpointError

COARSEST_LEVEL = 6

TRAINING_FIELDS = (
    *("candidates_train", "proposals_train", "regions_train", "positive_fraction", "masks_train"),
    *("background_gradient", "reconstruction_weight", "mask_dice_weight", "distillation_weight"),
    *("contrastive_weight", "detector_decoder", "mask_decoder"),
)
"""Fields that decide how a network is trained, not what it computes."""


@dataclass(frozen=True)
class ModelConfig:
    """Every switch of the network; the defaults are the `default` profile, `reference()` is the other one.

    Every row of Tables 1, 5 and 6 is a configuration of either profile. No field but `box_slots` depends on
    the classes: a vocabulary is an argument of the forward pass.

    Semantics
        semantic_dimension: D, number of components of a word vector.
        word_norm, background_norm: lengths that word vectors, and the word "background", have in dot
            products; they come with unit length.

    Conventions
        conventions: whose anchors, box clipping, matching, RoIAlign, mask targets, input size and pasting are
            followed. Those of mmdetection 1.0 are in `zsi_core.model.mmdetection`.
        normalisation: of the input: "half" to [-1, 1]; "imagenet" mean and deviation, zero in the padding.

    Backbone and pyramid
        backbone: timm name of a network with feature maps of the strides of the pyramid.
        pyramid_channels: C, channels of every pyramid level.
        finest_level: l, the first level of the pyramid P_l-P6; its stride is 2**l.
        freeze_batch_norm: BatchNorm keeps its running statistics in training (small batches). Its weights and
            biases learn.

    BA-RPN (section 3.2.3)
        rpn: "background_aware" scores anchors through T and W_bf; "plain" is the ordinary RPN of the
            ablations, in which case the background vector is the word "background".
        anchor_scales: anchor side divided by the stride of its level.
        anchor_ratios: height / width.
        candidates_train, candidates_test: best anchors per level that enter NMS.
        proposals_per_level: of those, how many of a level survive NMS at most; 0: as many as of an image.
            mmdetection's conventions only.
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
        vocabulary_words: V, words of a fixed vocabulary that T_e and T_d pass through in the published code;
            0: one linear map, which can be the same function (`EncoderThroughWords.folded`).
        detector_decoder: train T_d with the reconstruction loss L_R (Eq. 1).
        scores: "cosine" times a learned temperature, or "dot" products as they are.
        temperature: initial value of the learned factor on cosine scores.
        iou_head: a linear map of f predicts the overlap of a refined box with its object, trained on
            foreground regions alone, because background may hold objects that nobody labelled. The
            objectness of a region is then the geometric mean of the RPN's and this one (Kim et al., Learning
            Open-World Object Proposals without Learning to Classify, RA-L 2022, section 3).
        transfer: "direct" is a softmax over the names of a query (section 3.2.1); "seen_posterior" the
            published p W_s^T W: probabilities of the seen classes, carried over to other names.
        evaluation_threshold: smallest score of a result in the benchmark.
        box_slots: n seen classes with a box regression each, of which the k-th unseen class takes the k-th;
            0: one regression for all names.
        regions_train: regions sampled per image in training; `positive_fraction` of them at most positive.

    Semantic Mask Head (section 3.2.2)
        mask_head: False trains and predicts boxes only (ZSD).
        mask_channels, mask_convs: width and number of the 3x3 convolutions before the encoder E.
        mask_encoder: "linear" makes E and D one 1x1 convolution each, as in the paper; "convolutions" makes
            them two 3x3 convolutions each, as in the published code.
        mask_decoder: train D with L_R.
        mask_mode: "semantic" is the paper's logit <e, w_c>; "agnostic" one map for all names; "sum"
            adds both.
        mask_contrast: the semantic logit is s <e, w_c - v_b> + b of unit vectors with learned s and b; False:
            <e, w_c> as it is.
        mask_transfer: "direct" uses w_c of any name; "seen_words" the published W_s W_s^T w_c of unseen ones.
        masks_train: positive regions per image that train the mask head.

    Losses (Eq. 2)
        reconstruction_weight: factor of both L_R terms, each the mean over elements.
        mask_dice_weight: factor of the soft Dice loss of each mask (Milletari et al. 2016), which is added to
            the mean cross-entropy over its cells: masks are judged by overlap. 0: off, as in the paper.
        distillation_weight: factor of 1 - cos(e, t) where a target brings teacher vectors t.
        contrastive_weight: factor of a cross-entropy of foreground regions over the seen words and further
            nouns that a batch brings, without background (InfoNCE, van den Oord et al. 2018, Eq. 4); 0: off.
    """

    semantic_dimension: int = 300
    word_norm: float = 1.0
    background_norm: float = 1.0

    conventions: Literal["torchvision", "mmdetection"] = "torchvision"
    normalisation: Literal["half", "imagenet"] = "half"

    backbone: str = "tf_efficientnet_lite0"
    pyramid_channels: int = 128
    finest_level: int = 3
    freeze_batch_norm: bool = True

    rpn: Literal["background_aware", "plain"] = "background_aware"
    anchor_scales: tuple[float, ...] = (4.0, 5.657)
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    candidates_train: int = 500
    candidates_test: int = 400
    proposals_per_level: int = 0
    proposals_train: int = 500
    proposals_test: int = 300
    proposals_nms: float = 0.7

    background: Literal["constant", "adaptive"] = "adaptive"
    background_gradient: bool = True
    sync_detector: bool = True
    sync_mask: bool = True

    box_features: int = 768
    vocabulary_words: int = 0
    detector_decoder: bool = True
    scores: Literal["cosine", "dot"] = "cosine"
    temperature: float = 20.0
    iou_head: bool = False
    transfer: Literal["direct", "seen_posterior"] = "direct"
    evaluation_threshold: float = 0.0
    box_slots: int = 0
    regions_train: int = 128
    positive_fraction: float = 0.25

    mask_head: bool = True
    mask_channels: int = 128
    mask_convs: int = 2
    mask_encoder: Literal["linear", "convolutions"] = "linear"
    mask_decoder: bool = True
    mask_mode: Literal["semantic", "agnostic", "sum"] = "sum"
    mask_contrast: bool = True
    mask_transfer: Literal["direct", "seen_words"] = "direct"
    masks_train: int = 16

    reconstruction_weight: float = 0.5
    mask_dice_weight: float = 0.0
    distillation_weight: float = 1.0
    contrastive_weight: float = 0.0

    def __post_init__(self) -> None:
        if self.rpn == "plain" and (self.sync_detector or self.sync_mask):
            raise ValueError(
                "a plain RPN has no background vector to synchronise: set sync_detector and sync_mask "
                'to False, or rpn to "background_aware"'
            )

    @classmethod
    def reference(cls, seen: int, **changes: Any) -> ModelConfig:
        """The `reference` profile: what the authors' published code computes.

        T_e is one linear map, which equals the published one through its vocabulary once folded; with
        `vocabulary_words=4717` it stays in the published factors.

        Args:
            seen: number of seen classes; in their order each has a box regression.
            changes: fields that differ, for the rows of the tables.
        """
        published: dict[str, Any] = {
            "word_norm": 0.76663,
            "background_norm": 0.32356,
            "conventions": "mmdetection",
            "normalisation": "imagenet",
            "backbone": "resnet101",
            "pyramid_channels": 256,
            "finest_level": 2,
            "anchor_scales": (8.0,),
            "candidates_train": 2000,
            "candidates_test": 1000,
            "proposals_train": 2000,
            "proposals_test": 1000,
            "background": "constant",
            "background_gradient": False,
            "box_features": 1024,
            "scores": "dot",
            "transfer": "seen_posterior",
            "evaluation_threshold": 0.05,
            "box_slots": seen,
            "regions_train": 512,
            "mask_channels": 256,
            "mask_convs": 1,
            "mask_encoder": "convolutions",
            "mask_mode": "semantic",
            "mask_contrast": False,
            "mask_transfer": "seen_words",
            "masks_train": 128,
        }
        return cls(**(published | changes))

    def same_network(self, other: ModelConfig) -> bool:
        """Whether both compute the same from the same weights, however they are trained."""
        own = {name: getattr(self, name) for name in TRAINING_FIELDS}
        return dataclasses.replace(other, **own) == self

    @property
    def levels(self) -> tuple[int, ...]:
        """Levels of the pyramid, finest first."""
        return tuple(range(self.finest_level, COARSEST_LEVEL + 1))

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels between neighbouring places of each level."""
        return tuple(2**level for level in self.levels)

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
