"""A training run as a typed value, read from TOML."""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

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

    Raises:
        ValueError: `repeat` is not above 0.
    """

    name: str
    annotations: str
    images: str
    masks: Literal["all", "has_mask"] = "all"
    labelled: Literal["all"] | tuple[str, ...] = "all"
    repeat: float = 1.0

    def __post_init__(self) -> None:
        _require_above_zero(self, "repeat")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run besides the data root and the output folder.

    Attributes:
        name: recipe name, stored with the checkpoint.
        split: class split whose seen classes are trained.
        extra_seen: further seen classes outside the split.
        datasets: where images come from.
        model: network configuration.
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
        batch_size, steps, seed: as usual.
        learning_rate, weight_decay: AdamW; `backbone_rate` multiplies the rate of the backbone.
        warmup_steps: linear from zero, then cosine down to zero.
        clip_norm: largest L2 norm of the gradient.
        ema_decay: of the averaged copy of the weights that is saved.
        frozen_stages: backbone stages that keep their initial weights (stem included from 1 on).
        repeat_threshold: classes in a smaller share of the images are repeated (0 switches it off).
        teacher: distil the ImageNet classifier into e.

    Raises:
        ValueError: no set, two sets of one name, or a number out of its range.
    """

    name: str
    split: str
    datasets: tuple[DataSpec, ...]
    extra_seen: tuple[str, ...] = ()
    model: ModelConfig = field(default_factory=ModelConfig)
    zero_shot: bool = True
    canvases: tuple[tuple[int, int], ...] = ((448, 448),)
    resize: Literal["jitter", "fit"] = "jitter"
    scale_range: tuple[float, float] = (0.6, 1.7)
    colour_jitter: float = 0.25
    copy_paste: float = 0.0
    cache_megabytes: int = 2000
    batch_size: int = 8
    steps: int = 2000
    seed: int = 0
    learning_rate: float = 4e-4
    backbone_rate: float = 0.5
    weight_decay: float = 0.05
    warmup_steps: int = 100
    clip_norm: float = 10.0
    ema_decay: float = 0.998
    frozen_stages: int = 3
    repeat_threshold: float = 0.02
    teacher: bool = False

    def __post_init__(self) -> None:
        if not self.datasets:
            raise ValueError("datasets must name at least one set")
        names = [spec.name for spec in self.datasets]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"datasets must have different names, but {twice[0]!r} is there twice")
        _require_above_zero(self, "batch_size", "steps", "learning_rate", "clip_norm")
        for name in (
            "seed",
            "cache_megabytes",
            "backbone_rate",
            "weight_decay",
            "warmup_steps",
            "frozen_stages",
        ):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise ValueError(f"{name} must be 0 or more, but got {value}")
        for name in ("colour_jitter", "copy_paste", "ema_decay", "repeat_threshold"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, but got {value}")
        if not self.canvases or min(side for canvas in self.canvases for side in canvas) < 1:
            raise ValueError(f"canvases must be at least one height and width, but got {self.canvases}")
        low, high = self.scale_range
        if not 0 < low <= high < math.inf:
            raise ValueError(f"scale_range must be above 0 and in order, but got {low} and {high}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the resolved recipe as stored with a checkpoint."""
        return {**dataclasses.asdict(self), "model": self.model.to_dict()}


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe by name (`training/recipes`) or from a TOML file.

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
    return _read(Recipe, values, str(path))


def _require_above_zero(values: DataSpec | Recipe, *names: str) -> None:
    for name in names:
        if not 0 < (value := getattr(values, name)) < math.inf:
            raise ValueError(f"{name} must be above 0, but got {value}")


def _read(cls: Any, values: Any, where: str) -> Any:
    """A table of the file as the dataclass `cls`."""
    if not isinstance(values, Mapping):
        raise TrainingError(f"{where} must be a table, but got {values!r}")
    hints = get_type_hints(cls)
    for key in values:
        if key not in hints:
            close = difflib.get_close_matches(key, hints, n=1)
            advice = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(hints)}"
            raise TrainingError(f"{where}: unknown key {key!r}; {advice}")
    required = {
        f.name
        for f in dataclasses.fields(cls)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    if missing := sorted(required - set(values)):
        raise TrainingError(f"{where}: missing key {missing[0]!r}")
    read = {key: _value(hints[key], value, f"{where}: {key}") for key, value in values.items()}
    try:
        return cls(**read)
    except ValueError as error:
        raise TrainingError(f"{where}: {error}") from error


def _value(hint: Any, value: Any, where: str) -> Any:
    """A value of the file as the type that a field of a dataclass asks for."""
    if dataclasses.is_dataclass(hint):
        return _read(hint, value, where)
    if get_origin(hint) is Union:  # of words and a list
        words, many = get_args(hint)
        return _value(many if isinstance(value, list) else words, value, where)
    if get_origin(hint) is Literal:
        accepted = get_args(hint)
        if value not in accepted:
            raise TrainingError(f"{where} must be one of {', '.join(accepted)}, but got {value!r}")
        return value
    if get_origin(hint) is tuple:
        return _values(get_args(hint), value, where)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise TrainingError(f"{where} must be {hint.__name__}, but got {value!r}")
    return value


def _values(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    """A list of the file as `tuple[hints]`; the last hint is `...` where any length will do."""
    if not isinstance(value, list):
        raise TrainingError(f"{where} must be a list, but got {value!r}")
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(value)
    if len(value) != len(hints):
        raise TrainingError(f"{where} must be a list of {len(hints)}, but got {value!r}")
    return tuple(
        _value(hint, item, f"{where}[{i}]") for i, (hint, item) in enumerate(zip(hints, value, strict=True))
    )
