"""The work of a retraining, phase by phase; each leaves a file, so that a run goes on from where it ended.

before.json     the old model on the held-out part
checkpoint/     training, as of every run
model/          the new model
after.json      it on the held-out part
pictures/       both on some held-out images
report.html
result.json
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from training import loop
from training.control import Control
from training.engine import make_accelerator
from training.log import LOG, RunLog
from training.report import Examples, write_report
from training.resume import RUN
from training.retraining.figures import GROUPS, Tell, group_rows, held_out_figures, kept_share
from training.retraining.pictures import write_comparisons
from training.retraining.priority import lower_priority
from training.retraining.recipe import all_seen, near_duplicates, retraining_recipe
from training.retraining.samples import write_sample
from training.retraining.shipping import describe, ship_retrained
from zsi_core.checkpoint import find_checkpoint, load_checkpoint, read_info, word_table
from zsi_core.coco.json_file import load_json
from zsi_core.coco.writer import write_json
from zsi_core.errors import TrainingError
from zsi_core.inference import Segmenter
from zsi_core.lock import FileLock, LockedError
from zsi_core.proposing.interruption import Interruption
from zsi_core.retraining import (
    AFTER,
    BEFORE,
    HELD_OUT,
    MODEL,
    Probe,
    Result,
    RetrainingPlan,
)
from zsi_core.semantics import ClassSplit, class_key

LOCKED = "process"
"""As `app.retraining.process` knows it."""

HELD_OUT_SAMPLE = "held_out_sample.json"
MOST_HELD_OUT = 80
"""Images that are measured and calibrated on; figures of more are little surer."""

PROBE_STEPS = 6
CHECKPOINT_EVERY = 50
PATIENCE = 2.0
"""Seconds that the lock of a run may be held by who only looks whether it is held."""

LONGEST_GAP = 300.0
"""Seconds between two events from which on nothing was worked: a pause, or a killed process."""


def retrain(folder: Path, machine: loop.Machine) -> bool:
    """Do what is left to do in a run folder.

    Args:
        folder: with the files that `zsi_core.retraining` lists.

    Returns:
        Whether it is finished; otherwise somebody stopped it.

    Raises:
        ZsiError: whatever keeps it from going on; the log says it too, and what was saved stays.
    """
    lower_priority()
    with _only_process(folder):
        return _Retraining(folder, machine).run()


def probe(folder: Path, machine: loop.Machine) -> Probe:
    """Take a few steps, and write how long everything will take.

    Raises:
        ZsiError: whatever would keep the run from starting.
    """
    work = _Retraining(folder, machine)
    with tempfile.TemporaryDirectory(prefix="zsi-") as place:
        out = Path(place, "run")
        loop.train(
            work.recipe,
            folder,
            out,
            start=work.parent,
            max_steps=PROBE_STEPS,
            machine=machine,
        )
        rate = next(
            event["images_per_second"]
            for event in reversed(_events(out))
            if event.get("images_per_second") is not None
        )
    began = time.monotonic()
    sample = Path(folder, "probe_sample.json")
    count = write_sample(folder / HELD_OUT, sample, 2)
    if count:
        work.measure(work.parent, sample, lambda done, total: None)
    per_image = (time.monotonic() - began) / max(count, 1)
    sample.unlink()
    measured = min(work.plan.held_out_images, MOST_HELD_OUT) * per_image
    seconds = work.recipe.steps * work.recipe.batch_size / rate + 3.0 * measured
    device = make_accelerator(machine.device).device.type
    told = Probe(seconds, work.recipe.steps, device, tuple(near_duplicates(work.plan, work.info, work.table)))
    told.write(folder)
    return told


class _Stopped(Exception):  # noqa: N818 (it is no error)
    """Somebody wishes that the run stops."""


class _Retraining:
    """One run, and what all its phases need."""

    def __init__(self, folder: Path, machine: loop.Machine) -> None:
        self.folder = folder
        self.machine = machine
        self.log = RunLog(folder)
        with self.log.errors():
            self.plan = RetrainingPlan.read(folder)
            self.parent = find_checkpoint(self.plan.model)
            self.info = read_info(self.parent)
            self.table = word_table(self.parent)
            self.recipe = retraining_recipe(self.plan, folder, self.info)
        # What the model knew already is neither trained here nor unseen.
        known = {class_key(name) for name in all_seen(self.plan, self.info)}
        unseen = tuple(name for name in self.plan.left_out if class_key(name) not in known)
        self.split = ClassSplit(Path(self.plan.project).stem, self.plan.trained, unseen)

    def run(self) -> bool:
        accelerator = make_accelerator(self.machine.device)
        if self.machine.threads is not None:
            torch.set_num_threads(self.machine.threads)
        with self.log.errors():
            write_sample(self.folder / HELD_OUT, self.folder / HELD_OUT_SAMPLE, MOST_HELD_OUT)
        with self.log.errors(), Interruption() as interruption:
            control = Control(self.folder, accelerator, interruption)
            try:
                before = self._before(control)
            except _Stopped:
                return self._stopped()
        if not self._trained():
            return False
        with self.log.errors(), Interruption() as interruption:
            control = Control(self.folder, accelerator, interruption)
            try:
                self._finish(before, control)
            except _Stopped:
                return self._stopped()
        return True

    def measure(self, model: Path, annotations: Path, tell: Tell) -> dict[str, Any]:
        """Figures of a checkpoint; empty without held-out images."""
        segmenter = Segmenter.load(model, device=self._device())
        return held_out_figures(segmenter, annotations, Path(self.plan.images), self.split, tell)

    # ------------------------------------------------------------------ phases

    def _before(self, control: Control) -> dict[str, Any]:
        path = self.folder / BEFORE
        sha256 = load_checkpoint(self.parent).sha256
        if path.is_file():
            kept: dict[str, Any] = load_json(path)
            if kept["model"]["sha256"] != sha256:
                raise TrainingError(
                    f"{self.parent} is another model than the one that this retraining began with: start a "
                    "retraining anew, or put the old model back"
                )
            return kept
        began = time.monotonic()
        figures = self._figures(self.parent, "measuring the old model", control)
        figures.setdefault("model", {"sha256": sha256})
        write_json(path, figures)
        # What follows the training takes about three times as long: it calibrates, measures and draws.
        rest = 3.0 * (time.monotonic() - began)
        self._eval(figures, "the old model on the held-out part", rest_seconds=rest)
        return figures

    def _trained(self) -> bool:
        """Train, or go on with it; False if somebody stopped it."""
        if (self.folder / RUN).is_file():
            return loop.resume(self.folder, machine=self.machine) is not None
        checkpoint = loop.train(
            self.recipe,
            self.folder,
            self.folder,
            start=self.parent,
            checkpoint_every=CHECKPOINT_EVERY,
            machine=self.machine,
        )
        return checkpoint is not None

    def _finish(self, before: dict[str, Any], control: Control) -> None:
        model = self.folder / MODEL
        self._say("choosing thresholds", control)
        ship_retrained(
            self.folder / loop.CHECKPOINT,
            self.parent,
            model,
            plan=self.plan,
            held_out_sample=self.folder / HELD_OUT_SAMPLE,
        )
        after = self._figures(model, "measuring the new model", control)
        after.setdefault("model", {})
        write_json(self.folder / AFTER, after)
        self._eval(after, "the new model on the held-out part")
        self._say("comparing on everyday things", control)
        device = self._device()
        old, new = (Segmenter.load(path, device=device) for path in (self.parent, model))
        kept = kept_share(old, new)
        seconds = _seconds(self.folder)
        describe(
            model, parent=self.parent, plan=self.plan, before=before, after=after, kept=kept, seconds=seconds
        )
        measured = "map50" in after
        sample, images = self.folder / HELD_OUT_SAMPLE, Path(self.plan.images)
        examples = Examples(sample, images, checkpoint=model) if measured else None
        if examples is not None:
            write_comparisons(self.folder, examples, old, new, self._tell("drawing pictures", control))
        self._say("drawing the report", control)
        write_report(
            self.folder,
            before=self.folder / BEFORE if measured else None,
            after=self.folder / AFTER if measured else None,
            examples=examples,
        )
        rows = dict.fromkeys(GROUPS)
        Result(
            seconds=_seconds(self.folder),
            before=group_rows(before) if measured else rows,
            after=group_rows(after) if measured else rows,
            kept=kept,
        ).write(self.folder)
        self.log.write("finished", step=self._steps(), steps_total=self._steps(), message="done")

    # ----------------------------------------------------------------- helpers

    def _figures(self, model: Path, doing: str, control: Control) -> dict[str, Any]:
        if not load_json(self.folder / HELD_OUT_SAMPLE)["images"]:
            return {}
        return self.measure(model, self.folder / HELD_OUT_SAMPLE, self._tell(doing, control))

    def _tell(self, doing: str, control: Control) -> Tell:
        began = time.monotonic()

        def tell(done: int, total: int) -> None:
            left = (time.monotonic() - began) / done * (total - done)
            self._say(f"{doing}: {done} of {total}", control, eta_seconds=left)

        return tell

    def _say(self, doing: str, control: Control, **values: Any) -> None:
        """Log what is being done; waits while the run is to pause, and raises if it is to stop."""
        self.log.write("step", message=doing, **values)
        if control.stopped(lambda message: self.log.write("step", message=message)):
            raise _Stopped

    def _eval(self, figures: dict[str, Any], message: str, **values: Any) -> None:
        rows = {} if "map50" not in figures else group_rows(figures)
        metrics = {f"AP50 {group}": value for group, value in rows.items() if value is not None}
        self.log.write("eval", metrics=metrics, message=message, **values)

    def _stopped(self) -> bool:
        self.log.write("stopped", message="stopped: what was done is kept")
        return False

    def _steps(self) -> int:
        return max((int(event.get("steps_total") or 0) for event in _events(self.folder)), default=0)

    def _device(self) -> str | None:
        return "cpu" if self.machine.device == "cpu" else None


def _events(folder: Path) -> list[dict[str, Any]]:
    """The events of a log whose lines are complete."""
    lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def _seconds(folder: Path) -> float:
    """Time worked on a run, in all its sessions."""
    times = [event["time"] for event in _events(folder)] + [time.time()]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return sum(gap for gap in gaps if gap < LONGEST_GAP)


@contextmanager
def _only_process(folder: Path) -> Iterator[None]:
    """Hold the lock of a run folder.

    Raises:
        TrainingError: another process works on it.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            lock = FileLock(folder / LOCKED)
        except LockedError as error:
            if time.monotonic() > deadline:
                raise TrainingError(f"another process works on {folder}: {error.holder}") from error
            time.sleep(0.05)
        else:
            break
    with lock:
        yield
