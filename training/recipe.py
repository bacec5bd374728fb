"""A training run as a typed value, read from TOML."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from training.overrides import override
from training.strict import read_table
from zsi_core.errors import TrainingError
from zsi_core.model.config import ModelConfig

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class DataSpec:
    """One COCO-format data set of a run.

    Attributes:
        name: what logs and cards call it; also the name of its teacher file.
        annotations, images: COCO file and image folder, relative to the data root.
        masks: "all" annotations with a segmentation train the mask head, or only those with `has_mask` 1.
        labelled: "all" when every object of the seen classes is labelled, else the names that are. In the
            latter case unlabelled regions are unknown, not background.
        repeat: how often the set counts in an epoch.
        rehearsed: with a `former_weight`, the network that the run starts from says what is to be said of
            these images, and their labels nothing.

    Raises:
        ValueError: `repeat` is not above 0.
    """

    name: str
    annotations: str
    images: str
    masks: Literal["all", "has_mask"] = "all"
    labelled: Literal["all"] | tuple[str, ...] = "all"
    repeat: float = 1.0
    rehearsed: bool = False

    def __post_init__(self) -> None:
        _require_above_zero(self, "repeat")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run besides the data root and the output folder.

    Attributes:
        name: recipe name, stored with the checkpoint.
        split: class split whose seen classes are trained.
        extra_seen: further seen classes outside the split.
        own_classes: the categories of the sets are seen classes too, also those outside the split. Unseen
            classes stay unseen if the recipe is `zero_shot`.
        held_out: seen classes of the split that this run treats as unseen, so that a
            calibration can be chosen on them (`training.shipping`).
        datasets: where images come from.
        model: network configuration; the default one stands for that of the checkpoint, where a run starts
            from one.
        zero_shot: leave out images in which an object of an unseen class is labelled, as the paper does. Only
            a model that is not meant to be zero-shot, such as one of a user's own project, does without.
        canvases: (height, width) in pixels of the inputs the network sees. An image goes on the one on which
            it comes out largest (the first of equals), and a batch holds images of one canvas. Few, because
            every new shape costs oneDNN a compilation.
        resize: "jitter" scales and crops at random, and every batch has the shape of its canvas; "fit" shows
            whole images as large as the canvas allows, and a batch is as large as its largest image: the
            paper's pipeline. Either way sides are rounded up to a multiple of 32.
        scale_range: of "jitter", random factor on "the image fits the canvas".
        colour_jitter: brightness, contrast and saturation change by up to this share.
        copy_paste: probability that objects of another image of the set are pasted onto an image.
        cache_megabytes: of decoded images kept in memory, shared by the workers of a training process.
        batch_size: images of a step, of all processes and accumulation steps together: a recipe means the
            same on one device and on many.
        accumulation_steps: parts that a process computes its share of a step in, one after the other, to
            save memory. Losses are means over each part.
        steps: length of the run, unless
        epochs: says so; an epoch shows every image as often as it counts.
        seed: of everything that is random.
        precision: "bf16" is mixed precision; "auto" takes it where it is faster.
        optimizer: "adamw", or "sgd" with `momentum`.
        learning_rate: full rate; `backbone_rate` multiplies the one of the backbone.
        weight_decay: of matrices and filters, and with `decay_vectors` of biases, norms and scales too.
        warmup_steps: rates rise linearly from `warmup_ratio` times the full one.
        schedule: "cosine" down to zero, or "steps": times `gamma` after each of `milestones`, which count
            epochs if the length does.
        clip_norm: largest L2 norm of the gradient.
        ema_decay: of the averaged copy of the weights that is saved.
        trained: "all", "heads" to keep backbone and pyramid as they are, or "projection" to fit T_e alone on
            features that are computed once: `steps` is then how many batches are read.
        frozen_stages: backbone stages that keep their initial weights (stem included from 1 on).
        repeat_threshold: classes in a smaller share of the images are repeated (0 switches it off).
        teacher: distil a teacher, the ImageNet classifier, into e.
        former_weight: of the losses that hold the network to what it said before the run
            (`zsi_core.model.former`); needs a checkpoint to start from.
        rehearsal: share of the images of a retraining that are everyday photographs.

    Raises:
        ValueError: no set, two sets of one name, or a number out of its range.
    """

    name: str
    split: str
    datasets: tuple[DataSpec, ...]
    extra_seen: tuple[str, ...] = ()
    own_classes: bool = False
    held_out: tuple[str, ...] = ()
    model: ModelConfig = field(default_factory=ModelConfig)
    zero_shot: bool = True
    canvases: tuple[tuple[int, int], ...] = ((448, 448),)
    resize: Literal["jitter", "fit"] = "jitter"
    scale_range: tuple[float, float] = (0.6, 1.7)
    colour_jitter: float = 0.25
    copy_paste: float = 0.0
    cache_megabytes: int = 2000
    batch_size: int = 8
    accumulation_steps: int = 1
    steps: int = 2000
    epochs: float = 0.0
    seed: int = 0
    precision: Literal["auto", "bf16", "float32"] = "auto"
    optimizer: Literal["adamw", "sgd"] = "adamw"
    momentum: float = 0.9
    learning_rate: float = 4e-4
    backbone_rate: float = 0.5
    weight_decay: float = 0.05
    decay_vectors: bool = False
    warmup_steps: int = 100
    warmup_ratio: float = 0.01
    schedule: Literal["cosine", "steps"] = "cosine"
    milestones: tuple[float, ...] = ()
    gamma: float = 0.1
    clip_norm: float = 10.0
    ema_decay: float = 0.998
    trained: Literal["all", "heads", "projection"] = "all"
    frozen_stages: int = 3
    repeat_threshold: float = 0.02
    teacher: bool = False
    former_weight: float = 0.0
    rehearsal: float = 0.0

    def __post_init__(self) -> None:
        if not self.datasets:
            raise ValueError("datasets must name at least one set")
        names = [spec.name for spec in self.datasets]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"datasets must have different names, but {twice[0]!r} is there twice")
        _require_above_zero(
            self, "batch_size", "accumulation_steps", "steps", "learning_rate", "clip_norm", "gamma"
        )
        if self.batch_size % self.accumulation_steps:
            raise ValueError(
                f"batch_size must be a multiple of accumulation_steps, but got {self.batch_size} and "
                f"{self.accumulation_steps}"
            )
        for name in (
            "seed",
            "cache_megabytes",
            "epochs",
            "backbone_rate",
            "weight_decay",
            "warmup_steps",
            "frozen_stages",
            "former_weight",
        ):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise ValueError(f"{name} must be 0 or more, but got {value}")
        if (self.schedule == "steps") != bool(self.milestones) or list(self.milestones) != sorted(
            self.milestones
        ):
            raise ValueError(
                f"milestones must be given in order for schedule 'steps' and no other, but got "
                f"{list(self.milestones)} for {self.schedule!r}"
            )
        for name in (
            "colour_jitter",
            "copy_paste",
            "ema_decay",
            "repeat_threshold",
            "momentum",
            "warmup_ratio",
        ):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, but got {value}")
        if self.former_weight and self.trained == "projection":
            raise ValueError("former_weight must be 0 where trained is 'projection', which takes no steps")
        if not 0 <= self.rehearsal < 1:
            raise ValueError(f"rehearsal must be from 0 to below 1, but got {self.rehearsal}")
        if not self.canvases or min(side for canvas in self.canvases for side in canvas) < 1:
            raise ValueError(f"canvases must be at least one height and width, but got {self.canvases}")
        low, high = self.scale_range
        if not 0 < low <= high < math.inf:
            raise ValueError(f"scale_range must be above 0 and in order, but got {low} and {high}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the resolved recipe as stored with a checkpoint."""
        return {**dataclasses.asdict(self), "model": self.model.to_dict()}


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe by name (`training/recipes`) or from a TOML file.

    Args:
        name_or_path: which one.
        overrides: `key=value` each, see `training.overrides`.

    Raises:
        TrainingError: not found, not TOML, an unknown key (with the nearest valid one) or an ill-typed value.
    """
    path = RECIPES / f"{name_or_path}.toml"
    if not path.is_file():
        path = Path(name_or_path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise TrainingError(f"recipe {str(name_or_path)!r} cannot be read: use {known}, or a file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"recipe {path} is not valid TOML ({error}): correct that line") from error
    return recipe_from_dict(override(values, overrides), str(path))


def recipe_from_dict(values: Any, where: str) -> Recipe:
    """Inverse of `Recipe.to_dict`.

    Raises:
        TrainingError: see `load_recipe`; the message begins with `where`.
    """
    recipe = read_table(Recipe, values, where)
    assert isinstance(recipe, Recipe)
    return recipe


def _require_above_zero(values: DataSpec | Recipe, *names: str) -> None:
    for name in names:
        if not 0 < (value := getattr(values, name)) < math.inf:
            raise ValueError(f"{name} must be above 0, but got {value}")
