"""The whole network: losses, Sync-bg, ablations, and that names enter only at the very end."""

import pytest
import torch

from zsi_core.model import ModelConfig, Target

# Values of the first run with the seeds of conftest.py; a change of any of them must be meant.
GOLDEN = {
    "loss_rpn_cls": 0.984472,
    "loss_rpn_bbox": 0.002011,
    "loss_semantic": 8.428853,
    "loss_bbox": 0.338558,
    "loss_reconstruction_detector": 1.027233,
    "loss_mask": 2.838764,
    "loss_reconstruction_mask": 5.495322,
}

# The rows of Tables 1, 5 and 6 as configurations. In Table 6 the configuration is the full one: the word
# vectors, an argument, are what changes.
NO_SYNC = {"sync_detector": False, "sync_mask": False}
PLAIN = {"rpn": "plain", **NO_SYNC}
NO_DECODERS = {"detector_decoder": False, "mask_decoder": False}
ABLATIONS = {
    "table 1: ZSD": {**PLAIN, "mask_head": False, "detector_decoder": False},
    "table 1: + SMH encoder / table 5: RPN": {**PLAIN, **NO_DECODERS},
    "table 1: + SMH decoder": {**PLAIN, "detector_decoder": False},
    "table 1: + detector decoder": PLAIN,
    "table 1: full": {},
    "table 5: BA-RPN": {**NO_DECODERS, **NO_SYNC},
    "table 5: BA-RPN & Sync-bg in mask": {**NO_DECODERS, "sync_detector": False},
    "table 5: BA-RPN & Sync-bg in det": {**NO_DECODERS, "sync_mask": False},
    "table 5: BA-RPN & Sync-bg": NO_DECODERS,
    "background constant": {"background": "constant"},
    "background detached, as published": {"background": "constant", "background_gradient": False},
    "mask semantic": {"mask_mode": "semantic"},
    "mask agnostic": {"mask_mode": "agnostic"},
}


@pytest.mark.parametrize("fields", ABLATIONS.values(), ids=ABLATIONS.keys())
def test_every_ablation_builds_trains_a_step_and_predicts(make_model, words, scene, fields):
    model = make_model(**fields).train()
    images, sizes, targets = scene
    losses = model(images, sizes, words, targets)
    assert ("loss_mask" in losses) == model.config.mask_head
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    sum(losses.values()).backward()
    optimizer.step()
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    for part in ("backbone.fpn", "rpn", "detector", *(["mask_head"] if model.config.mask_head else [])):
        assert any(name.startswith(part) for name in changed), f"nothing in {part} learned"

    regions = model.eval().regions(images, sizes)
    assert len(regions) == 2
    for found, (height, width) in zip(regions, sizes, strict=True):
        assert 0 < len(found.boxes) <= model.config.proposals_test
        assert found.boxes.min() >= 0
        assert found.boxes[:, 2].max() <= width
        assert found.boxes[:, 3].max() <= height
        scores = model.detector.scores(
            found.features, words, found.background[0].expand(len(found.boxes), -1)
        )
        assert scores.shape == (len(found.boxes), 1 + len(words))
        assert scores.isfinite().all()
        if model.mask_head is not None:
            y = model.pixel_features(found, found.boxes[:3])
            masks = model.mask_head.logits(y, words[:1].expand(3, -1), found.background[1].expand(3, -1))
            assert masks.shape == (3, 28, 28)
            assert masks.isfinite().all()


def test_one_hot_vectors_are_just_another_vocabulary(make_model, scene):
    """Table 6: semantics without knowledge."""
    model = make_model().train()
    one_hot = torch.eye(model.config.semantic_dimension)[:5]
    losses = model(scene[0], scene[1], one_hot, scene[2])
    assert all(loss.isfinite() for loss in losses.values())


def test_golden_losses(make_model, words, scene):
    model = make_model().train()
    torch.manual_seed(3)
    losses = model(scene[0], scene[1], words, scene[2])
    assert {name: float(loss.detach()) for name, loss in losses.items()} == pytest.approx(
        GOLDEN, rel=1e-4, abs=1e-6
    )


@pytest.mark.parametrize("head", ["loss_semantic", "loss_mask"])
def test_heads_reach_the_background_vector(make_model, words, scene, head):
    """Algorithm 1, line 6."""
    model = make_model().train()
    model(scene[0], scene[1], words, scene[2])[head].backward()
    assert model.rpn.head.W_bf.grad[:, 0].abs().sum() > 0
    assert model.rpn.head.W_bf.grad[:, 1].abs().sum() > 0, "the adaptive part depends on the foreground too"
    assert model.rpn.head.T.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("head", ["loss_semantic", "loss_mask"])
@pytest.mark.parametrize(
    "fields", [{"background_gradient": False}, NO_SYNC], ids=["detached", "not synchronised"]
)
def test_heads_do_not_reach_the_background_vector_when_the_switch_is_off(
    make_model, words, scene, head, fields
):
    model = make_model(**fields).train()
    model(scene[0], scene[1], words, scene[2])[head].backward()
    assert model.rpn.head.W_bf.grad is None
    assert model.rpn.head.T.weight.grad is None


def test_the_adaptive_background_differs_between_images_and_the_constant_does_not(make_model, scene):
    images, sizes, _ = scene
    first, second = (r.background[0] for r in make_model().eval().regions(images, sizes))
    assert (first - second).norm() > 1e-4
    first, second = (r.background[0] for r in make_model(background="constant").eval().regions(images, sizes))
    assert torch.equal(first, second)


def test_padding_has_no_say_in_the_background(make_model, scene):
    """Weights over the padding are zero, whatever the features there are."""
    head = make_model().rpn.head
    torch.manual_seed(0)
    hidden = [torch.randn(1, 32, 128 // s, 128 // s) for s in (8, 16, 32, 64)]
    objectness = [torch.randn(1, 6, *h.shape[2:]) for h in hidden]
    before = head.background_vector(hidden, objectness, [(64, 128)])
    for h, o in zip(hidden, objectness, strict=True):
        h[:, :, h.shape[2] // 2 :] += 5.0
        o[:, :, o.shape[2] // 2 :] += 5.0
    assert torch.equal(before, head.background_vector(hidden, objectness, [(64, 128)]))
    assert not torch.equal(before, head.background_vector(hidden, objectness, [(128, 128)]))


def test_another_vocabulary_needs_no_forward_pass(make_model, words, scene):
    model = make_model().eval()
    calls = []
    model.backbone.register_forward_hook(lambda *_: calls.append("backbone"))
    model.detector.register_forward_hook(lambda *_: calls.append("detector"))
    regions = model.regions(scene[0][:1], scene[1][:1])[0]
    background = regions.background[0].expand(len(regions.boxes), -1)
    first = model.detector.scores(regions.features, words, background)
    second = model.detector.scores(regions.features, words.flip(1), background)
    assert not torch.allclose(first, second)
    assert calls == ["backbone", "detector"]


def test_scores_and_masks_of_a_name_depend_on_its_vector_alone(make_model, words, scene):
    """Permuted names give permuted scores, and a name nobody trained on gets scores and masks of its own."""
    model = make_model().eval()
    regions = model.regions(scene[0][:1], scene[1][:1])[0]
    background = regions.background[0].expand(len(regions.boxes), -1)
    scores = model.detector.scores(regions.features, words, background)
    order = torch.tensor([3, 0, 4, 1, 2])
    permuted = model.detector.scores(regions.features, words[order], background)
    torch.testing.assert_close(permuted[:, 0], scores[:, 0])
    torch.testing.assert_close(permuted[:, 1:], scores[:, 1:][:, order])

    new = torch.nn.functional.normalize(torch.randn(1, model.config.semantic_dimension), dim=1)
    more = model.detector.scores(regions.features, torch.cat([words, new]), background)
    torch.testing.assert_close(more[:, :-1], scores)
    assert more[:, -1].std() > 0

    y = model.pixel_features(regions, regions.boxes[:1]).expand(2, -1, -1, -1)
    masks = model.mask_head.logits(y, torch.cat([words[:1], new]), regions.background[1].expand(2, -1))
    assert not torch.allclose(masks[0], masks[1])
    swapped = model.mask_head.logits(y, torch.cat([new, words[:1]]), regions.background[1].expand(2, -1))
    torch.testing.assert_close(swapped, masks.flip(0))


def test_a_batch_without_objects_or_masks_still_reaches_every_parameter(make_model, words, scene):
    """Distributed training waits for the gradient of every parameter."""
    empty = Target(
        boxes=torch.zeros(0, 4),
        labels=torch.zeros(0, dtype=torch.int64),
        masks=torch.zeros(0, 128, 128, dtype=torch.uint8),
        has_mask=torch.zeros(0, dtype=torch.bool),
        ignore=torch.zeros(0, 4),
    )
    model = make_model().train()
    losses = model(scene[0], scene[1], words, [empty, empty])
    assert float(losses["loss_mask"].detach()) == 0.0
    sum(losses.values()).backward()
    missing = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not missing


def test_a_teacher_pulls_the_semantic_feature_towards_its_vector(make_model, words, scene):
    images, sizes, targets = scene
    model = make_model().train()
    taught = [Target(**(vars(t) | {"teacher": words[[0, 3]]})) for t in targets]
    losses = model(images, sizes, words, taught)
    assert 0 < float(losses["loss_distillation"]) < 2
    untaught = [Target(**(vars(t) | {"teacher": torch.zeros(2, words.shape[1])})) for t in targets]
    assert float(model(images, sizes, words, untaught)["loss_distillation"]) == 0.0
    assert "loss_distillation" not in model(images, sizes, words, targets)


def test_a_taught_region_without_a_label_is_distilled_and_feeds_no_other_loss(make_model, words, scene):
    images, sizes, targets = scene
    model = make_model().train()
    box = torch.tensor([[70.0, 4.0, 120.0, 40.0]])
    taught = [Target(**(vars(t) | {"taught_boxes": box, "taught_vectors": words[4:]})) for t in targets]

    def losses(targets):
        torch.manual_seed(3)
        return model(images, sizes, words, targets)

    others = losses(targets)
    before = losses(taught)
    assert {name: float(loss) for name, loss in before.items() if name != "loss_distillation"} == {
        name: float(loss) for name, loss in others.items()
    }
    optimizer = torch.optim.AdamW(model.detector.T_e.parameters(), 1e-2)
    for _ in range(20):
        optimizer.zero_grad()
        losses(taught)["loss_distillation"].backward()
        optimizer.step()
    assert float(losses(taught)["loss_distillation"]) < 0.5 * float(before["loss_distillation"])
    regions = model.eval().regions(images, sizes)[0]
    cosine = torch.cosine_similarity(model.describe_boxes(regions, box), words[4:])
    assert float(cosine) > 0.5, "the region itself points at its teacher now"


def test_the_distillation_loss_is_the_mean_over_objects_and_taught_regions(make_model, words, scene):
    from zsi_core.model.distillation import distillation_loss
    from zsi_core.model.sampling import SampledRegions

    target = scene[2][0]
    more = {"teacher": words[[0, 3]], "taught_boxes": target.boxes[:1], "taught_vectors": words[1:2]}
    taught = Target(**(vars(target) | more))
    sampled = [SampledRegions(target.boxes, torch.tensor([1, 0]), torch.tensor([0, 0]))]
    loss = distillation_loss(words[:1], sampled, -words[1:2], [taught])
    assert float(loss.total) == pytest.approx(0.0 + 2.0)
    assert loss.count == 2


def test_taught_boxes_need_their_vectors(scene):
    with pytest.raises(ValueError, match="one length, but got 2 and None"):
        Target(**(vars(scene[2][0]) | {"taught_boxes": torch.zeros(2, 4)}))


def test_a_plain_rpn_has_nothing_to_synchronise():
    with pytest.raises(ValueError, match="no background vector to synchronise"):
        ModelConfig(rpn="plain")


def test_a_background_word_of_another_dimension_is_refused():
    from zsi_core.model import ZSI

    with pytest.raises(ValueError, match=r"shape \(300,\), but got \(50,\)"):
        ZSI(ModelConfig(), torch.zeros(50))


def test_a_backbone_without_the_right_strides_is_refused():
    from zsi_core.model.backbone import Backbone

    with pytest.raises(ValueError, match="stride 8, 16 and 32"):
        Backbone("vit_tiny_patch16_224", 32, True)


def test_a_narrow_image_is_pooled_where_its_boxes_are(make_model):
    """The pooler infers strides from image sizes and keeps the first answer."""
    torch.manual_seed(0)
    images = torch.randint(0, 255, (1, 3, 128, 128), dtype=torch.uint8)
    images[:, :, 40:] = 127
    box = torch.tensor([[30.0, 5.0, 70.0, 35.0]])
    narrow, full = make_model().eval(), make_model().eval()
    regions = narrow.regions(images, [(40, 128)])[0]
    other = full.regions(images, [(128, 128)])[0]
    torch.testing.assert_close(narrow.describe_boxes(regions, box), full.describe_boxes(other, box))
