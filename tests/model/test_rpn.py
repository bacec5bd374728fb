"""BA-RPN: the folded form, unknown regions, sampling."""

import torch

from zsi_core.model import Target
from zsi_core.model.rpn import BackgroundAwareHead, unknown
from zsi_core.model.sampling import sample_regions


def _target(boxes, *, ignore=(), complete=True):
    count = len(boxes)
    return Target(
        boxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        labels=torch.arange(count),
        masks=torch.zeros(count, 64, 64, dtype=torch.uint8),
        has_mask=torch.zeros(count, dtype=torch.bool),
        ignore=torch.tensor(ignore, dtype=torch.float32).reshape(-1, 4),
        complete=complete,
    )


def test_the_folded_head_equals_the_two_step_form():
    """sigmoid(folded) is the foreground softmax of W_bf T(x), and gradients agree."""
    torch.manual_seed(0)
    head = BackgroundAwareHead(8, 3, torch.randn(10), adaptive=True).double()
    level = torch.randn(2, 8, 5, 4, dtype=torch.float64)

    hidden, (folded,), _ = head([level])
    s = head.T(hidden[0])
    pairs = torch.einsum("bdhw,apd->baphw", s, head.W_bf)
    two_step = pairs.softmax(dim=2)[:, :, 1]
    torch.testing.assert_close(folded.sigmoid(), two_step)

    parameters = (head.T.weight, head.T.bias, head.W_bf, head.conv.weight)
    weight = torch.randn_like(two_step)
    for a, b in zip(
        torch.autograd.grad((folded.sigmoid() * weight).sum(), parameters, retain_graph=True),
        torch.autograd.grad((two_step * weight).sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_the_background_vector_is_the_weighted_mean_of_semantic_features():
    torch.manual_seed(0)
    head = BackgroundAwareHead(8, 3, torch.randn(10), adaptive=True)
    pyramid = [torch.randn(1, 8, 64 // s, 64 // s) for s in (8, 16, 32, 64)]
    hidden, objectness, _ = head(pyramid)
    features = torch.cat([head.T(h).flatten(2) for h in hidden], dim=2)[0]
    background = torch.cat([(-o).sigmoid().sum(1).flatten(1) for o in objectness], dim=1)[0]
    expected = head.W_bf[:, 0].mean(0) + (features * background).sum(1) / background.sum()
    found = head.background_vector(hidden, objectness, [(64, 64)])[0]
    torch.testing.assert_close(found, expected)


def test_the_background_rows_start_as_the_word():
    word = torch.randn(10)
    head = BackgroundAwareHead(8, 3, word, adaptive=False)
    assert torch.equal(head.background_vector([torch.zeros(2, 8, 1, 1)], [], [])[1], word)


def test_unknown_regions():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 30], [40, 40, 50, 50]])
    assert not unknown(boxes, _target([])).any()
    assert unknown(boxes, _target([], complete=False)).all()
    # The first lies within the ignored region, a third of the second does, nothing of the last.
    assert unknown(boxes, _target([], ignore=[[0, 0, 10, 10]])).tolist() == [True, False, False]


def test_sampled_regions_know_their_object_and_skip_unknown_ones():
    torch.manual_seed(0)
    proposals = torch.tensor([[1.0, 1, 20, 20], [40, 40, 60, 60], [30, 0, 40, 10]])
    target = _target([[0.0, 0, 20, 20], [41, 41, 60, 60]], ignore=[[30, 0, 40, 10]])
    (sampled,) = sample_regions([proposals], [target], count=8, positive_fraction=0.5)
    found = {
        tuple(box): (int(label), int(matched))
        for box, label, matched in zip(
            sampled.boxes.int().tolist(), sampled.labels, sampled.matched, strict=True
        )
    }
    assert found == {
        (1, 1, 20, 20): (1, 0),
        (40, 40, 60, 60): (2, 1),
        (0, 0, 20, 20): (1, 0),
        (41, 41, 60, 60): (2, 1),
    }
    (sampled,) = sample_regions([proposals[2:]], [_target([])], count=8, positive_fraction=0.5)
    assert sampled.labels.tolist() == [0]
    (sampled,) = sample_regions(
        [proposals[2:]], [_target([], complete=False)], count=8, positive_fraction=0.5
    )
    assert len(sampled.labels) == 0


def test_positives_are_at_most_their_share():
    torch.manual_seed(0)
    near = torch.tensor([[0.0, 0, 20, 20]]).repeat(50, 1)
    far = torch.tensor([[40.0, 40, 60, 60]]).repeat(50, 1)
    (sampled,) = sample_regions([torch.cat([near, far])], [_target([[0.0, 0, 20, 20]])], 16, 0.25)
    assert int((sampled.labels > 0).sum()) == 4
    assert len(sampled.labels) == 16
