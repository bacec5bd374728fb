"""A training run from its recipe to its checkpoint."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from accelerate import Accelerator

from training.control import Control
from training.data import Batch, Batches, TrainingImages, image_weights, read_samples
from training.engine import Trainer, make_accelerator
from training.loading import batches
from training.log import RunLog
from training.optimisation import in_steps
from training.preparation import build_model, contrastive_negatives, seen_vocabulary
from training.progress import RunProgress
from training.projection import fit_projection
from training.recipe import Recipe
from training.report import write_report
from training.resume import RunDescription, generations, load_run, load_state, save_run, save_state
from training.teaching import prepare_teacher
from zsi_core.checkpoint import CheckpointInfo, save_checkpoint, vectors_sha256
from zsi_core.errors import TrainingError, ZsiError
from zsi_core.inference.precision import fastest_dtype
from zsi_core.inference.preprocessing import PREPROCESSING
from zsi_core.model import ZSI
from zsi_core.proposing.interruption import Interruption
from zsi_core.semantics.table import WordTable

LOG_EVERY = 10
CHECKPOINT_EVERY = 250
CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class Machine:
    """What of a run may differ from machine to machine.

    Attributes:
        device: "cpu", or "auto" for the best there is.
        threads: of this process; None leaves it to torch.
        workers: processes that read images.
    """

    device: str = "auto"
    threads: int | None = None
    workers: int = 0


def train(
    recipe: Recipe,
    data_root: Path,
    out: Path,
    *,
    start: Path | None = None,
    backbone_weights: Path | None = None,
    teacher_dir: Path | None = None,
    max_steps: int | None = None,
    checkpoint_every: int = CHECKPOINT_EVERY,
    machine: Machine | None = None,
) -> Path | None:
    """Run a recipe to its end, or until somebody stops it.

    Args:
        recipe: what to train.
        data_root: folder that the recipe's sets are relative to.
        out: folder for `log.jsonl`, `checkpoint/`, and what `resume` needs.
        start: checkpoint to start from; ImageNet weights otherwise.
        backbone_weights: file with ImageNet weights; by default those of the installed package.
        teacher_dir: teacher files; by default they are computed if the recipe distils.
        max_steps: cuts the run, schedule included.
        checkpoint_every: steps between two checkpoints of the averaged weights.
        machine: device, threads and workers.

    Returns:
        The checkpoint folder; None if the run was stopped before its end.

    Raises:
        ZsiError: whatever keeps the run from starting or going on; the log says it too.
    """
    run = RunDescription(
        recipe,
        data_root.resolve(),
        start.resolve() if start is not None and start.is_dir() else start,
        None if backbone_weights is None else backbone_weights.resolve(),
        None if teacher_dir is None else teacher_dir.resolve(),
        checkpoint_every,
    )
    if generations(out):
        raise TrainingError(
            f"{out} holds a run already: go on with it by --resume {out}, or choose another folder with --out"
        )
    return _Run(run, out, machine or Machine(), max_steps).train()


def resume(out: Path, *, data_root: Path | None = None, machine: Machine | None = None) -> Path | None:
    """Go on with a run from its last complete state, to the result it would have had.

    Args:
        out: folder of the run.
        data_root: where the data are now, if they were moved.
        machine: device, threads and workers.

    Returns, Raises:
        As `train`.
    """
    run = load_run(out)
    if data_root is not None:
        run = replace(run, data_root=data_root.resolve())
    return _Run(run, out, machine or Machine()).train()


class _Run:
    """The parts of a run, put together."""

    def __init__(
        self, run: RunDescription, out: Path, machine: Machine, max_steps: int | None = None
    ) -> None:
        self.run = run
        self.out = out
        self.machine = machine
        self.max_steps = max_steps

    def train(self) -> Path | None:
        """Train to the end; None if stopped before."""
        accelerator = make_accelerator(self.machine.device)
        if self.machine.threads is not None:
            torch.set_num_threads(self.machine.threads)
        log = RunLog(self.out, enabled=accelerator.is_main_process)
        with log.errors(), RunProgress(enabled=accelerator.is_main_process) as progress:
            trainer, ordered, info = self._prepare(accelerator, log, progress)
            with Interruption() as interruption:
                control = Control(self.out, accelerator, interruption)
                if trainer.recipe.trained == "projection":
                    finished = self._project(trainer, ordered, info, control, log, progress)
                else:
                    finished = self._steps(trainer, ordered, info, control, log, progress)
            if finished and accelerator.is_main_process:
                write_report(self.out)
        accelerator.wait_for_everyone()
        return self.out / CHECKPOINT if finished else None

    def _prepare(
        self, accelerator: Accelerator, log: RunLog, progress: RunProgress
    ) -> tuple[Trainer, Iterator[Batch], CheckpointInfo]:
        table = WordTable.bundled()
        recipe, run = self.run.recipe, self.run
        if recipe.former_weight and run.start is None:
            raise TrainingError(
                "former_weight holds a run to the network that it starts from: name it with --from, or set "
                "former_weight to 0"
            )
        vocabulary = seen_vocabulary(recipe, table, run.data_root)
        samples, counts = read_samples(recipe, run.data_root, vocabulary.names, vocabulary.unseen)
        recipe = in_steps(
            recipe, float(image_weights(samples, recipe.repeat_threshold).sum()), self.max_steps
        )
        model, parent = build_model(recipe, table, run.start, run.backbone_weights)
        recipe = replace(recipe, model=model.config)
        former = copy.deepcopy(model) if recipe.former_weight else None
        teacher_dir = run.teacher_dir
        if recipe.teacher and teacher_dir is None:
            with accelerator.main_process_first():
                if accelerator.is_main_process:
                    prepare_teacher(recipe, run.data_root, self.out, table, progress)
            teacher_dir = (self.out / "teacher").resolve()
        images = TrainingImages(samples, recipe, table.dimension, teacher_dir if recipe.teacher else None)
        self.run = replace(run, recipe=recipe, teacher_dir=teacher_dir)
        if accelerator.is_main_process:
            save_run(self.out, self.run)
        trainer = Trainer(
            model,
            recipe,
            vocabulary.vectors,
            bf16=_bf16(recipe, accelerator),
            negatives=contrastive_negatives(recipe, table, vocabulary),
            former=former,
            accelerator=accelerator,
        )
        if (state := load_state(self.out, progress.say)) is not None:
            trainer.restore(state[1], state[0])
        order = Batches(
            samples,
            recipe,
            rank=accelerator.process_index,
            world=accelerator.num_processes,
            start=trainer.steps_done,
        )
        log.write(
            "started",
            step=trainer.steps_done,
            steps_total=recipe.steps,
            images=len(samples),
            sets=[asdict(count) for count in counts],
            message=recipe.name,
        )
        on_gpu = accelerator.device.type == "cuda"
        ordered = batches(images, order, self.machine.workers, pin_memory=on_gpu)
        info = CheckpointInfo(
            model=recipe.model,
            seen=vocabulary.names,
            seen_sha256=vectors_sha256(vocabulary.vectors.numpy()),
            words_sha256=table.sha256,
            preprocessing=PREPROCESSING,
            recipe=recipe.to_dict(),
            parent=parent,
        )
        return trainer, ordered, info

    def _steps(
        self,
        trainer: Trainer,
        ordered: Iterator[Batch],
        info: CheckpointInfo,
        control: Control,
        log: RunLog,
        progress: RunProgress,
    ) -> bool:
        """Train until the end (True) or until it is to stop (False)."""
        recipe = trainer.recipe
        first, busy = trainer.steps_done, 0.0
        while trainer.steps_done < recipe.steps:
            if control.stopped(_teller(log, progress, trainer)):
                self._save(trainer, info, log)
                log.write("stopped", step=trainer.steps_done, steps_total=recipe.steps)
                return False
            began = time.monotonic()
            try:
                batch = next(ordered)
            except ZsiError:  # the weights are good: nothing of the work is to be lost
                self._save(trainer, info, log)
                raise
            losses = trainer.step(batch)
            busy += time.monotonic() - began
            done = trainer.steps_done
            if batch.lost:
                log.write(
                    "report",
                    step=done,
                    skipped=[asdict(lost) for lost in batch.lost],
                    message=f"{len(batch.lost)} images cannot be read any more: others took their places",
                )
            per_step = busy / (done - first)
            rate, left = recipe.batch_size / per_step, (recipe.steps - done) * per_step
            progress.show("training", done, recipe.steps, rate=rate, seconds_left=left, loss=losses["loss"])
            if done % LOG_EVERY == 0 or done == recipe.steps:
                log.write(
                    "step",
                    step=done,
                    steps_total=recipe.steps,
                    images_per_second=rate,
                    eta_seconds=left,
                    losses=losses,
                )
            if done % self.run.checkpoint_every == 0 and done < recipe.steps:
                self._save(trainer, info, log)
        self._save(trainer, info, log)
        log.write("finished", step=recipe.steps, steps_total=recipe.steps)
        return True

    def _save(self, trainer: Trainer, info: CheckpointInfo, log: RunLog) -> None:
        """Write the state to resume from, then the checkpoint of the averaged weights."""
        if trainer.accelerator.is_main_process:
            done = trainer.steps_done
            save_state(self.out, done, trainer.state())
            self._checkpoint(trainer.averaged_model(), info, done, log)

    def _checkpoint(self, model: ZSI, info: CheckpointInfo, step: int, log: RunLog) -> None:
        folder = self.out / CHECKPOINT
        save_checkpoint(folder, model, info, f"# {self.run.recipe.name}, step {step}\n", with_decoders=True)
        log.write("checkpoint", step=step, message=str(folder))

    def _project(
        self,
        trainer: Trainer,
        ordered: Iterator[Batch],
        info: CheckpointInfo,
        control: Control,
        log: RunLog,
        progress: RunProgress,
    ) -> bool:
        """Fit the projection on kept features; stopped (False) it keeps nothing, for it takes minutes."""
        if trainer.accelerator.num_processes > 1:
            raise TrainingError("a projection is fitted by one process: start it without a launcher")
        steps = trainer.recipe.steps

        def tell(doing: str, done: int, total: int) -> None:
            progress.show(doing, done, total)
            if done % LOG_EVERY == 0 or done == total:
                log.write(
                    "step", step=min(done, steps), steps_total=steps, message=f"{doing}: {done} of {total}"
                )
            if control.stopped(_teller(log, progress, trainer)):
                raise _Stopped

        try:
            model = fit_projection(
                trainer.model, ordered, trainer.word_vectors, trainer.recipe, bf16=trainer.bf16, tell=tell
            )
        except _Stopped:
            log.write("stopped", step=0, steps_total=steps)
            return False
        self._checkpoint(model, info, steps, log)
        log.write("finished", step=steps, steps_total=steps)
        return True


class _Stopped(Exception):  # noqa: N818 (it is no error)
    """Somebody wishes that a projection stops."""


def _teller(log: RunLog, progress: RunProgress, trainer: Trainer) -> Callable[[str], None]:
    def tell(message: str) -> None:
        progress.say(message)
        log.write("step", step=trainer.steps_done, steps_total=trainer.recipe.steps, message=message)

    return tell


def _bf16(recipe: Recipe, accelerator: Accelerator) -> bool:
    if recipe.precision == "auto":
        return fastest_dtype(accelerator.device.type) is torch.bfloat16
    return recipe.precision == "bf16"
