"""The `reference` profile: formulas written out, gradients, and that each of its switches does something.

Numbers of the published modules are compared in `tests/parity`.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from zsi_core.model import ZSI, ModelConfig, Target, mmdetection
from zsi_core.model.backbone import IMAGENET_MEAN, normalise_imagenet
from zsi_core.model.detector import EncoderThroughWords
from zsi_core.model.transfer import posterior_scores, through_seen

DIMENSION, SEEN = 16, 5
SMALL = {
    "semantic_dimension": DIMENSION,
    "backbone": "resnet18",
    "pyramid_channels": 16,
    "box_features": 32,
    "mask_channels": 16,
    "candidates_train": 100,
    "candidates_test": 60,
    "proposals_train": 60,
    "proposals_test": 40,
    "regions_train": 32,
}


@pytest.fixture
def make_reference():
    def make(**fields) -> ZSI:
        torch.manual_seed(0)
        return ZSI(ModelConfig.reference(SEEN, **(SMALL | fields)), torch.randn(DIMENSION))

    return make


# The rows of Tables 1, 5 and 6 in this profile, and the paper's own readings where they differ from the code.
NO_SYNC = {"sync_detector": False, "sync_mask": False}
NO_DECODERS = {"detector_decoder": False, "mask_decoder": False}
ROWS = {
    "table 1: ZSD": {"rpn": "plain", **NO_SYNC, "mask_head": False, "detector_decoder": False},
    "table 1: + SMH encoder / table 5: RPN": {"rpn": "plain", **NO_SYNC, **NO_DECODERS},
    "table 1: full / tables 2, 3, 4, 6": {},
    "table 5: BA-RPN & Sync-bg in mask": {**NO_DECODERS, "sync_detector": False},
    "T_e through the vocabulary": {"vocabulary_words": 24},
    "paper: gradient into v_b": {"background_gradient": True},
    "paper: E and D of one convolution": {"mask_encoder": "linear"},
    "paper: four mask convolutions": {"mask_convs": 4},
    "paper: direct scores and masks": {"transfer": "direct", "mask_transfer": "direct"},
    "class-agnostic boxes": {"box_slots": 0},
    "conventions of torchvision": {"conventions": "torchvision"},
}


@pytest.mark.parametrize("fields", ROWS.values(), ids=ROWS.keys())
def test_every_row_trains_a_step_and_predicts(make_reference, words, scene, fields):
    model = make_reference(**fields).train()
    images, sizes, targets = scene
    losses = model(images, sizes, words, targets)
    assert all(loss.isfinite() for loss in losses.values())
    assert ("loss_mask" in losses) == model.config.mask_head
    sum(losses.values()).backward()
    missing = {n for n, p in model.named_parameters() if p.requires_grad and p.grad is None}
    assert not missing
    (regions, _) = model.eval().regions(images, sizes)
    assert (regions.slots is None) == (model.config.box_slots == 0)
    assert 0 < len(regions.boxes) <= 40
    if model.mask_head is not None:
        h = model.pixel_features(regions, regions.boxes[:2])
        assert model.mask_head.logits(h, words[:2], words[:2]).shape == (2, 28, 28)


def test_the_profile_has_the_published_sizes():
    config = ModelConfig.reference(65)
    assert config.levels == (2, 3, 4, 5, 6)
    assert config.strides == (4, 8, 16, 32, 64)
    assert ModelConfig().levels == (3, 4, 5, 6)
    assert ModelConfig.from_dict(config.to_dict()) == config
    assert ModelConfig.reference(65, transfer="direct").transfer == "direct"


def test_batch_norm_keeps_its_statistics_and_learns_its_affine(make_reference, words, scene):
    model = make_reference().train()
    norm = model.backbone.body.get_submodule("layer3.0.bn2")
    before = norm.running_mean.clone()
    sum(model(scene[0], scene[1], words, scene[2]).values()).backward()
    assert torch.equal(norm.running_mean, before)
    assert norm.weight.grad.abs().sum() > 0


def test_only_the_rpn_reaches_the_background_vector(make_reference, words, scene):
    model = make_reference().train()
    losses = model(scene[0], scene[1], words, scene[2])
    for name in ("loss_semantic", "loss_bbox", "loss_mask", "loss_reconstruction_mask"):
        assert (
            torch.autograd.grad(losses[name], model.rpn.head.W_bf, retain_graph=True, allow_unused=True)[0]
            is None
        ), name
    (gradient,) = torch.autograd.grad(losses["loss_rpn_cls"], model.rpn.head.W_bf)
    assert gradient.abs().sum() > 0


def test_the_background_vector_is_the_mean_of_the_background_rows(make_reference, scene):
    model = make_reference().eval()
    torch.nn.init.normal_(model.rpn.head.W_bf)
    first, second = model.regions(*scene[:2])
    expected = model.rpn.head.W_bf[:, 0].mean(dim=0)
    for regions in (first, second):
        torch.testing.assert_close(regions.background[0], expected)


def test_scores_go_through_the_seen_classes(words):
    torch.manual_seed(0)
    logits, v_b, names = torch.randn(4, 1 + len(words)), torch.randn(DIMENSION), torch.randn(3, DIMENSION)
    W_s = torch.cat([v_b[None], words])
    expected = logits.softmax(1) @ W_s @ names.T
    found = posterior_scores(logits, words, v_b.expand(4, -1), names)
    torch.testing.assert_close(found, expected)


def test_mask_words_go_through_the_seen_classes(words):
    torch.manual_seed(0)
    v_b, names = torch.randn(DIMENSION), torch.randn(3, DIMENSION)
    W_s = torch.cat([v_b[None], words])
    torch.testing.assert_close(through_seen(names, words, v_b.expand(3, -1)), names @ W_s.T @ W_s)


def test_mask_logits_equal_the_pixelwise_form(make_reference, words):
    """Projected word vectors and a convolution per region, against E of every pixel and a product."""
    head = make_reference(word_norm=0.5).mask_head
    pooled = torch.randn(3, 16, 14, 14)
    h = head(pooled)
    e = head.E(F.relu(head.E_hidden(F.relu(head.upsample(F.relu(head.convs[0](pooled)))))))
    expected = torch.einsum("rdhw,rd->rhw", e, 0.5 * words[:3])
    torch.testing.assert_close(head.logits(h, words[:3], words[:3]), expected, rtol=1e-4, atol=1e-5)
    assert head.logits(h[:0], words[:0], words[:0]).shape == (0, 28, 28)


def test_the_vocabulary_folds_into_one_linear_map():
    torch.manual_seed(0)
    encoder = EncoderThroughWords(32, DIMENSION, 24)
    torch.nn.init.normal_(encoder.vocabulary)
    f = torch.randn(7, 32)
    torch.testing.assert_close(encoder.folded()(f), encoder(f), rtol=1e-5, atol=1e-6)


def test_base_anchors_are_the_published_ones():
    expected = {
        4: [[-21, -9, 24, 12], [-14, -14, 17, 17], [-9, -21, 12, 24]],
        8: [[-41, -19, 48, 26], [-28, -28, 35, 35], [-19, -41, 26, 48]],
        16: [[-83, -37, 98, 52], [-56, -56, 71, 71], [-37, -83, 52, 98]],
        32: [[-165, -75, 196, 106], [-112, -112, 143, 143], [-75, -165, 106, 196]],
        64: [[-330, -149, 393, 212], [-224, -224, 287, 287], [-149, -330, 212, 393]],
    }
    anchors = mmdetection.Anchors(list(expected), (8.0,), (0.5, 1.0, 2.0))
    for cells, wanted in zip(anchors.cells, expected.values(), strict=True):
        assert mmdetection.inclusive(cells).tolist() == wanted


def test_an_object_takes_its_best_boxes_and_the_later_object_wins():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 4], [50, 50, 60, 60], [0, 0, 10, 5]])
    objects = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [50, 56, 60, 66]])
    found = mmdetection.match(boxes, objects, foreground=0.7, background=0.3, least=0.3)
    assert found.tolist() == [1, mmdetection.NEITHER, mmdetection.BACKGROUND, mmdetection.NEITHER]
    found = mmdetection.match(boxes, objects, foreground=0.7, background=0.3, least=0.2)
    assert found[2] == 2, "its best box, though little of it"
    assert (
        mmdetection.match(boxes, objects[:0], foreground=0.7, background=0.3, least=0.3).tolist() == [-1] * 4
    )


def test_crowds_neither_match_nor_suppress_anchors_and_regions(make_reference, words, scene):
    images, sizes, targets = scene
    crowd = [
        Target(**(vars(t) | {"ignore": torch.tensor([[0.0, 0, sizes[0][1], sizes[0][0]]])})) for t in targets
    ]
    found = []
    for given in (targets, crowd):
        model = make_reference().train()
        torch.manual_seed(1)
        found.append({name: float(v.detach()) for name, v in model(images, sizes, words, given).items()})
    assert found[0] == found[1]


def test_padding_is_zero_after_normalisation():
    images = torch.full((1, 3, 8, 8), 200, dtype=torch.uint8)
    values = normalise_imagenet(images, [(5, 6)])
    assert (values[:, :, 5:] == 0).all()
    assert (values[:, :, :, 6:] == 0).all()
    assert float(values[0, 0, 0, 0]) == pytest.approx((200 - IMAGENET_MEAN[0]) / 58.395)


def test_another_number_of_classes_than_box_regressions_is_refused(make_reference, words, scene):
    with pytest.raises(ValueError, match="each of 5 seen classes, but got 4 word vectors"):
        make_reference().train()(scene[0], scene[1], words[:4], scene[2])
