"""The training step: what it changes, what it tells, what stops it, and that parts of a batch add up."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch

from training.data import Batch
from training.engine import Trainer
from training.resume import load_state, save_state
from zsi_core.errors import TrainingError


def test_steps_lower_the_loss(make_trainer, batch) -> None:
    trainer = make_trainer(steps=40, learning_rate=2e-3, warmup_steps=2)
    torch.manual_seed(0)
    losses = [trainer.step(batch)["loss"] for _ in range(25)]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert trainer.steps_done == 25


def test_a_step_tells_every_loss_and_their_sum(make_trainer, batch) -> None:
    values = make_trainer().step(batch)
    assert set(values) >= {"loss_rpn_cls", "loss_rpn_bbox", "loss_semantic", "loss_bbox", "loss_mask"}
    assert all(type(value) is float for value in values.values())
    assert values.pop("loss") == pytest.approx(sum(values.values()))


def test_steps_follow_the_schedule(make_trainer, batch) -> None:
    trainer = make_trainer(steps=4, warmup_steps=2, warmup_ratio=0.5, learning_rate=0.01, backbone_rate=0.1)
    rates = []
    for _ in range(3):
        rates.append(sorted({group["lr"] for group in trainer.optimizer.param_groups}))
        trainer.step(batch)
    assert rates == [
        pytest.approx([0.0005, 0.005]),
        pytest.approx([0.00075, 0.0075]),
        pytest.approx([0.001, 0.01]),
    ]


def test_frozen_weights_stay_and_the_others_move(make_trainer, batch) -> None:
    trainer = make_trainer(frozen_stages=2, learning_rate=0.01, warmup_steps=0)
    before = copy.deepcopy(trainer.model.state_dict())
    trainer.step(batch)
    after = trainer.model.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    fixed = ("backbone.body.conv_stem.", "backbone.body.blocks.0.", "backbone.body.blocks.1.")
    assert not any(name.startswith(fixed) or "running_" in name for name in moved)
    trainable = {name for name, p in trainer.model.named_parameters() if p.requires_grad}
    assert moved <= trainable
    assert len(moved) > 0.9 * len(trainable)
    assert any(name.startswith("backbone.body.blocks.") for name in moved)


def test_gradients_are_clipped(make_trainer, batch) -> None:
    trainer = make_trainer(clip_norm=1e-3)
    trainer.step(batch)
    gradients = [p.grad for p in trainer.model.parameters() if p.grad is not None]
    assert torch.cat([g.flatten() for g in gradients]).norm() == pytest.approx(1e-3, rel=1e-3)


def test_averaged_weights_follow_slowly(make_trainer, batch) -> None:
    trainer = make_trainer(learning_rate=0.01, warmup_steps=0, ema_decay=0.5)
    name = "detector.T_e.weight"
    first = trainer.model.state_dict()[name].clone()
    for _ in range(4):
        trainer.step(batch)
    last, averaged = trainer.model.state_dict()[name], trainer.averaged_model().state_dict()[name]
    assert 0 < (averaged - first).norm() < (last - first).norm()


def spoil_loss(trainer: Trainer) -> None:
    trainer.word_vectors[0] = float("nan")


def spoil_gradient(trainer: Trainer) -> None:
    trainer.model.detector.T_e.bias.register_hook(lambda gradient: gradient * float("inf"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_loss, r"the loss is not finite \(.*'loss_semantic': nan"),
        (spoil_gradient, "the gradient is not finite"),
    ],
)
def test_a_step_that_diverges_stops_before_it_spoils_the_weights(spoil, message, make_trainer, batch) -> None:
    trainer = make_trainer()
    before = copy.deepcopy(trainer.model.state_dict())
    spoil(trainer)
    with pytest.raises(TrainingError, match=f"{message}.*lower learning_rate"):
        trainer.step(batch)
    after = trainer.model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in after)
    assert trainer.steps_done == 0


def test_only_the_heads_learn_where_the_recipe_says_so(make_trainer, batch) -> None:
    trainer = make_trainer(trained="heads", learning_rate=0.01, warmup_steps=0)
    before = copy.deepcopy(trainer.model.state_dict())
    trainer.step(batch)
    after = trainer.model.state_dict()
    moved = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"rpn", "detector", "mask_head"}


def test_a_batch_without_masks_touches_every_parameter(make_trainer, batch) -> None:
    """Processes wait for the gradient of every parameter; one of them may have no mask in its share."""
    bare = [dataclasses.replace(t, has_mask=torch.zeros_like(t.has_mask)) for t in batch.targets]
    trainer = make_trainer()
    values = trainer.step(batch._replace(targets=bare))
    assert values["loss_mask"] == 0.0
    without = [name for name, p in trainer.model.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []


def seeded(batch: Batch) -> Batch:
    return batch._replace(targets=[dataclasses.replace(t, seed=i) for i, t in enumerate(batch.targets)])


def test_a_step_in_parts(make_trainer, batch, same_arithmetic) -> None:
    """Both images are alike in what is counted, so that means of parts are means of the whole."""
    whole, parts = make_trainer(batch_size=2), make_trainer(batch_size=2, accumulation_steps=2)
    calls = []
    parts.network.register_forward_pre_hook(lambda module, inputs: calls.append(inputs[0].shape[0]))
    names = ("loss_rpn_cls", "loss_rpn_bbox")
    first, second = whole.step(seeded(batch)), parts.step(seeded(batch))
    assert calls == [1, 1]
    assert [second[n] for n in names] == pytest.approx([first[n] for n in names], rel=1e-4)
    assert second["loss"] == pytest.approx(first["loss"], rel=0.1)


def test_what_an_image_samples_does_not_depend_on_its_batch(
    make_model, words, batch, same_arithmetic
) -> None:
    model = make_model().train()
    images, sizes, targets, _ = seeded(batch)
    sums = []
    share = lambda counts: sums.append(counts) or torch.ones_like(counts)  # noqa: E731
    together = model(images, sizes, words, targets, share=share)
    apart = [
        model(images[i : i + 1], sizes[i : i + 1], words, targets[i : i + 1], share=share) for i in (0, 1)
    ]
    assert torch.equal(sums[0], sums[1] + sums[2])
    for name, total in together.items():
        apart_total = sum(a[name].item() for a in apart)
        assert total.item() == pytest.approx(apart_total, rel=1e-3), name


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_restored_trainer_goes_on_as_if_nothing_had_happened(
    optimizer, make_trainer, batch, tmp_path, same_arithmetic
) -> None:
    options = {"optimizer": optimizer, "steps": 4, "learning_rate": 1e-3}
    trainer = make_trainer(**options)
    for _ in range(2):
        trainer.step(batch)
    save_state(tmp_path, trainer.steps_done, trainer.state())
    for _ in range(2):
        trainer.step(batch)

    steps_done, tensors = load_state(tmp_path, print)
    other = make_trainer(**options)
    other.restore(tensors, steps_done)
    for _ in range(2):
        other.step(batch)
    first, second = trainer.state(), other.state()
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert any(name.startswith("optimizer.") for name in first)


def test_the_state_of_another_network_is_refused(make_trainer, make_model, make_recipe, words) -> None:
    state = make_trainer().state()
    other = Trainer(make_model(box_features=16), make_recipe(), words, bf16=False)
    with pytest.raises(TrainingError, match="does not fit its recipe"):
        other.restore(state, 1)


def test_a_former_network_holds_the_heads_back(make_recipe, make_model, words, batch) -> None:
    """It shares the backbone that nothing trains, and its own heads stay."""
    new, known = batch.targets
    mixed = batch._replace(targets=[new, dataclasses.replace(known, rehearsed=True)])
    pooled = torch.rand(4, 16, 7, 7, generator=torch.Generator().manual_seed(0))
    moved = []
    for weight in (0.01, 100.0):
        former = make_model()
        recipe = make_recipe(former_weight=weight, trained="heads", steps=20, learning_rate=5e-3)
        trainer = Trainer(make_model(), recipe, words, bf16=False, former=former)
        before = copy.deepcopy(former.detector.state_dict())
        for _ in range(10):
            values = trainer.step(mixed)
        assert former.backbone is trainer.model.backbone
        assert all(torch.equal(value, before[name]) for name, value in former.detector.state_dict().items())
        assert values["loss_former_rpn"] > 0
        with torch.no_grad():
            e = trainer.model.detector(pooled)[1]
            moved.append(float((e - former.detector(pooled)[1]).norm()))
    assert moved[1] < 0.7 * moved[0]
