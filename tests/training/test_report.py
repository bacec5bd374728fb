"""The report of a run: what it tells, and that its two pages are complete."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from training.log import RunLog
from training.report import Examples, write_report
from training.report.charts import chart_grid
from training.report.history import read_history
from zsi_core.errors import TrainingError

SETS = [
    {"name": "streets", "images": 40, "objects": 90, "images_with_unseen": 7, "images_without_objects": 0},
    {"name": "<rooms>", "images": 10, "objects": 10, "images_with_unseen": 0, "images_without_objects": 0},
]
SETS[0]["skipped"] = [{"path": "streets/a.png", "reason": "the file is truncated"}]


def write_log(run: Path, *events: dict) -> Path:
    run.mkdir(exist_ok=True)
    lines = [json.dumps({"time": 100.0 + i, **event}) for i, event in enumerate(events)]
    (run / "log.jsonl").write_text("\n".join(lines) + "\n")
    return run


def started(**fields) -> dict:
    return {"event": "started", "steps_total": 40, "sets": SETS, "message": "small", **fields}


def step(number: int, **fields) -> dict:
    losses = {"loss": 4.0 / number, "loss_mask": 1.0}
    return {"event": "step", "step": number, "images_per_second": 2.0, "losses": losses, **fields}


@pytest.fixture
def run(tmp_path) -> Path:
    return write_log(
        tmp_path / "run",
        started(machine={"processor": "4 cores"}),
        step(10),
        step(20),
        {"event": "eval", "step": 20, "metrics": {"map50": 0.25}},
        step(30),
        {"event": "finished", "step": 40},
    )


def metrics_file(path: Path, unseen: float) -> Path:
    figures = {"recall@100": {"0.4": 0.6, "0.5": unseen, "0.6": None}, "map50": unseen / 2}
    whole = {**figures, "seen": None, "unseen": figures, "harmonic_mean": None, "images": 12}
    classes = {"cat | dog": {"group": "unseen", "instances": 5, **figures}}
    path.write_text(json.dumps({**whole, "split": "coco_65_15", "per_class": classes}))
    return path


def test_a_report_tells_data_losses_and_examples_and_needs_no_other_file(
    run, tmp_path, tiny_checkpoint, write_set
):
    shutil.copytree(tiny_checkpoint, run / "checkpoint")
    objects = [{"bbox": [10, 10, 30, 20], "category_id": 1}]
    spec = write_set("seen", {1: "dog"}, [objects, [], objects])
    examples = Examples(tmp_path / spec.annotations, tmp_path / spec.images, count=5)
    page = write_report(run, examples=examples)
    html, markdown = page.read_text(), (run / "report.md").read_text()
    for text in (html, markdown):
        assert "4 cores" in text
        assert "images with unseen classes" in text
        assert "images without seen classes" not in text, "a column of zeros tells nothing"
        assert "the file is truncated" in text
        assert "asked for dog;" in text
        assert 'model.backbone = "' not in text, "the tiny checkpoint has no recipe"
    assert "<svg" in html
    assert html.count("data:image/jpeg;base64,") == 2, "only images with objects are examples"
    assert not re.search(r'(src|href)="(?!data:)', html), "a page that needs another file"
    assert "&lt;rooms&gt;" in html
    pictures = re.findall(r"\]\((report_pictures/[^)]+)\)", markdown)
    assert len(pictures) == 4
    assert all((run / picture).stat().st_size for picture in pictures)
    assert json.loads((run / "log.jsonl").read_text().splitlines()[-1])["event"] == "report"


def test_a_second_report_replaces_the_first(run, tmp_path):
    write_report(run)
    assert {path.name for path in (run / "report_pictures").iterdir()} == {"losses.svg", "metrics.svg"}
    write_log(run, started(), step(10), {"event": "stopped", "message": "as asked"})
    write_report(run)
    assert {path.name for path in (run / "report_pictures").iterdir()} == {"losses.svg"}
    assert "stopped: as asked" in (run / "report.md").read_text()


def test_figures_before_and_after_stand_side_by_side(run, tmp_path):
    before = metrics_file(tmp_path / "before.json", 0.4)
    after = metrics_file(tmp_path / "after.json", 0.5)
    write_report(run, before=before, after=after)
    markdown = (run / "report.md").read_text()
    assert "| recall 0.5, unseen | 40.0 | 50.0 | +10.0 |" in markdown
    assert "| recall 0.6, unseen" not in markdown, "nothing was measured"
    assert "| mAP, seen" not in markdown
    assert r"| cat \| dog | unseen | 5 | 40.0 | 50.0 | +10.0 | 20.0 | 25.0 | +5.0 |" in markdown
    write_report(run, after=after)
    assert "| mAP, unseen | 25.0 |" in (run / "report.md").read_text()


def test_a_class_without_objects_has_empty_cells(run, tmp_path):
    before, after = (metrics_file(tmp_path / f"{name}.json", 0.4) for name in ("before", "after"))
    for path in (before, after):
        content = json.loads(path.read_text())
        nothing = {"group": "unseen", "instances": 0, "recall@100": None, "map50": None}
        content["per_class"]["bird"] = nothing
        path.write_text(json.dumps(content))
    write_report(run, before=before, after=after)
    assert "| bird | unseen | 0 | - | - |" in (run / "report.md").read_text()


def test_a_resumed_run_is_one_history(tmp_path):
    run = write_log(
        tmp_path / "run",
        started(time=0),
        step(10, time=10, losses={"loss": 1.0}),
        step(20, time=20, losses={"loss": 2.0}),
        started(time=1000, message="resumed"),
        step(20, time=1010, losses={"loss": 3.0}, images_per_second=None),
        {"event": "report", "step": 20, "time": 1012, "skipped": [{"path": "a", "reason": "gone"}]},
        step(30, time=1020, losses={"loss": None}, images_per_second=4.0),
    )
    with (run / "log.jsonl").open("a") as stream:
        stream.write('{"event": "st')
    RunLog(run).write("stopped", message="as asked")
    history = read_history(run)
    assert history.losses == {"loss": ((10, 1.0), (20, 3.0))}, "what was repeated counts once"
    assert history.sessions == 2
    assert history.started["message"] == "small"
    assert (history.outcome, history.message) == ("stopped", "as asked")
    assert history.steps == 30
    assert history.images_per_second == 2.0
    assert history.lost == ({"path": "a", "reason": "gone"},)


def test_a_run_that_goes_on_is_running(tmp_path):
    history = read_history(write_log(tmp_path / "run", started(), step(10), {"event": "checkpoint"}))
    assert history.outcome == "running"
    assert history.seconds == 2.0


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (None, "cannot be read"),
        ("[1]\n", "line 1, is no event of a run"),
        (
            '{"event": "error", "time": 1, "message": "no such recipe"}\n',
            "no run to report on: no such recipe",
        ),
    ],
)
def test_runs_that_cannot_be_reported_on(tmp_path, log, message):
    if log is not None:
        (tmp_path / "log.jsonl").write_text(log)
    with pytest.raises(TrainingError, match=message):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_file_without_figures_is_refused(run, tmp_path):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(TrainingError, match=r"other\.json holds no figures"):
        write_report(run, after=tmp_path / "other.json")


@pytest.mark.parametrize(
    "curve",
    [
        ((10, 5.0),),
        ((0, 0.0), (10, 0.0)),
        tuple((i, 1e6 if i == 0 else 1.0 / i) for i in range(200)),
        ((0, -1.0), (5, 3.0)),
    ],
    ids=["one point", "zero", "spike", "negative"],
)
def test_curves_stay_inside_their_panel(curve):
    root = ElementTree.fromstring(chart_grid({"a < b": curve, "second": curve}))
    lines = root.findall(".//{*}polyline")
    assert len(lines) == 4
    points = [point.split(",") for line in lines for point in line.get("points").split()]
    assert len(points) == 4 * len(curve)
    assert all(46 <= float(x) <= 310 and 26 <= float(y) <= 166 for x, y in points)
    labels = [text.text for text in root.findall(".//{*}text")]
    assert "a < b" in labels
