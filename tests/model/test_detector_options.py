"""Options of the zero-shot detector: the contrastive loss and the IoU head."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import box_iou


def ranks(model, scene, words, negatives):
    """How many words beat the true one, for every labelled box."""
    images, sizes, targets = scene
    vocabulary = F.normalize(torch.cat([words, negatives]), dim=1)
    beaten = []
    for regions, target in zip(model.eval().regions(images, sizes), targets, strict=True):
        cosine = F.normalize(model.describe_boxes(regions, target.boxes), dim=1) @ vocabulary.T
        beaten.append((cosine > cosine.gather(1, target.labels[:, None])).sum(dim=1))
    return torch.cat(beaten).float()


def test_the_contrastive_loss_makes_the_true_word_win_against_further_nouns(make_model, words, scene):
    negatives = torch.randn(200, words.shape[1], generator=torch.Generator().manual_seed(4))
    model = make_model(contrastive_weight=1.0)
    before = ranks(model, scene, words, negatives)
    assert before.min() > 0, "otherwise there is nothing to learn"
    model.train()
    optimizer = torch.optim.AdamW(model.detector.parameters(), 1e-2)
    for _ in range(8):
        optimizer.zero_grad()
        model(*scene[:2], words, scene[2], negatives)["loss_contrastive"].backward()
        optimizer.step()
    assert ranks(model, scene, words, negatives).max() == 0


def test_the_contrastive_loss_counts_the_further_nouns_and_is_off_by_default(make_model, words, scene):
    images, sizes, targets = scene

    def loss(negatives, **fields):
        model = make_model(**fields).train()
        torch.manual_seed(3)
        return model(images, sizes, words, targets, negatives).get("loss_contrastive")

    assert loss(words, contrastive_weight=0.0) is None
    alone = loss(None, contrastive_weight=1.0).detach()
    twice = loss(words, contrastive_weight=1.0).detach()
    assert float(twice - alone) == pytest.approx(float(torch.log(torch.tensor(2.0))), abs=1e-4), (
        "every word has a double now, so that its probability is half of what it was"
    )
    assert float(loss(None, contrastive_weight=0.25).detach()) == pytest.approx(float(alone) / 4)


def test_the_iou_head_lifts_regions_whose_box_fits(make_model):
    """Features that tell how far a box is off its object are enough to rank the boxes."""
    detector = make_model(iou_head=True).detector
    shift = torch.linspace(0, 12, 60)
    f = torch.rand(60, detector.iou.in_features)
    f[:, 0] = shift
    truth = torch.tensor([[10.0, 10.0, 40.0, 40.0]]).expand(60, -1)
    boxes = truth + shift[:, None]
    optimizer = torch.optim.AdamW(detector.iou.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        (detector.iou_loss(f, boxes, truth) / len(f)).backward()
        optimizer.step()
    with torch.no_grad():
        objectness = detector.objectness(f, torch.full((60,), 0.5))
    overlap = box_iou(boxes, truth).diagonal()
    assert torch.corrcoef(torch.stack([objectness, overlap]))[0, 1] > 0.9


def test_training_reaches_the_iou_head(make_model, words, scene):
    model = make_model(iou_head=True).train()
    model(*scene[:2], words, scene[2])["loss_iou"].backward()
    assert model.detector.iou.weight.grad.abs().sum() > 0
    assert model.detector.deltas.weight.grad is None, "the box is not moved to please its predicted overlap"


def test_without_an_iou_head_objectness_is_that_of_the_rpn(make_model, words, scene):
    images, sizes, targets = scene
    plain, aware = make_model().eval(), make_model(iou_head=True).eval()
    wrong = aware.load_state_dict(plain.state_dict(), strict=False)
    assert wrong.missing_keys == ["detector.iou.weight", "detector.iou.bias"]
    torch.nn.init.zeros_(aware.detector.iou.weight)
    torch.nn.init.zeros_(aware.detector.iou.bias)
    for one, other in zip(plain.regions(images, sizes), aware.regions(images, sizes), strict=True):
        torch.testing.assert_close(other.objectness, (0.5 * one.objectness).sqrt())
    assert "loss_iou" not in plain.train()(images, sizes, words, targets)


@pytest.mark.parametrize("fields", [{"contrastive_weight": 1.0}, {"iou_head": True}])
def test_a_batch_without_objects_gives_a_zero_loss(make_model, words, scene, fields):
    from dataclasses import replace

    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    nothing |= {"masks": torch.zeros(0, 128, 128, dtype=torch.uint8)}
    nothing |= {"has_mask": torch.zeros(0, dtype=torch.bool)}
    model = make_model(**fields).train()
    losses = model(scene[0], scene[1], words, [replace(t, **nothing) for t in scene[2]], words)
    loss = losses["loss_contrastive" if "contrastive_weight" in fields else "loss_iou"]
    assert float(loss.detach()) == 0.0
    loss.backward()
    assert all(p.grad is not None for n, p in model.named_parameters() if n.startswith("detector.iou")), (
        "distributed training waits for the gradient of every parameter"
    )
