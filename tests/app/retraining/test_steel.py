"""The whole of it with real parts: a project of steel photographs, the packaged model, the fast recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from app.exchange.importing import import_new
from app.project import Project
from app.project.commands import SetImageState
from app.retraining.plan import make_plan
from app.retraining.run import prepare
from app.retraining.status import State
from zsi_core.evaluation.run import Settings
from zsi_core.evaluation.run import run as evaluate
from zsi_core.proposing.progress import RunProgress


def unseen_figures(data: Path, model: str) -> dict[str, Any]:
    """Mask figures on 30 development images, of names that no model here was trained on."""
    folder = data / "coco_dev_unseen"
    settings = Settings(
        images=folder / "images",
        annotations=folder / "annotations.json",
        split="coco_65_15",
        modes=("zsi",),
        tasks=("segm",),
        model=model,
        limit=30,
        resamples=0,
    )
    with RunProgress(doing="predicting", enabled=False) as progress:
        outcome = evaluate(settings, progress)
    assert outcome is not None
    assert outcome.metrics is not None
    return outcome.metrics


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.timeout(7200)
def test_the_fast_recipe_learns_steel_and_forgets_little(tmp_path):
    data = Path(os.environ["ZSI_TEST_DATA"]).resolve()
    steel = data / "steel_train"
    path = tmp_path / "steel.zsip"
    import_new(steel / "annotations.json", path, steel / "images")
    with Project.open(path) as project:
        project.do(SetImageState(project.image_ids(), labelled_completely=True))
        plan = make_plan(project)
        assert plan.trained == ("inclusion", "patch", "scratch")
        run = prepare(project, plan)
    run.start(threads=2)
    run.wait()
    status = run.status()
    assert status.state is State.FINISHED, status.doing
    result = run.result
    before, after = result.before["seen"], result.after["seen"]
    old, new = unseen_figures(data, "starter"), unseen_figures(data, str(run.model))
    print(
        f"{result.seconds:.0f} s; mask AP50 held out {before:.3f} -> {after:.3f}; unseen COCO mAP "
        f"{old['map50']:.3f} -> {new['map50']:.3f}, recall@100 {old['recall@100']['0.5']:.3f} -> "
        f"{new['recall@100']['0.5']:.3f}; kept {result.kept}"
    )
    assert after >= 2 * before
    assert after > 0.30
    assert new["map50"] >= 0.9 * old["map50"]
    assert new["recall@100"]["0.5"] >= 0.9 * old["recall@100"]["0.5"]
