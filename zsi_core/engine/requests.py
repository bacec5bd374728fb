"""What can be asked of the engine. Every request is a value: equal requests have equal replies.

A request travels as its fields, with its class's name as "kind" (see `zsi_core.engine.server`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, Generic, Literal, TypeVar

from zsi_core.engine.messages import ProtocolError
from zsi_core.engine.plain import from_plain, to_plain
from zsi_core.engine.replies import (
    Dropped,
    Encoded,
    Health,
    InstalledModels,
    ModelCard,
    ModelInfo,
    NamesReport,
    Presence,
)
from zsi_core.instances import Explanation, Instances

Reply = TypeVar("Reply")

SLIDER_ROOM = 0.25
"""Share of the model's threshold from which on a query shows proposals, for sliders to act on."""


class Priority(IntEnum):
    """What is done first; of equal ones the older."""

    AHEAD = 0
    """Images that will perhaps be looked at."""
    JOB = 1
    """A folder in the background."""
    CURRENT = 2
    """What a person waits for."""


class Request(Generic[Reply]):
    """Base of all requests; `Reply` is what the engine answers."""

    kinds: ClassVar[dict[str, type[Request[Any]]]] = {}

    def __init_subclass__(cls) -> None:
        cls.kinds[cls.__name__] = cls

    @property
    def subject(self) -> str:
        """The file or value that it is about, for messages."""
        return str(getattr(self, "path", type(self).__name__))

    def to_header(self) -> dict[str, Any]:
        """Fields of a message's header."""
        return {"kind": type(self).__name__, **to_plain(self)}


def parse_request(header: Mapping[str, Any]) -> Request[Any]:
    """The request of a message's header, without what is not the request's own ("id", "priority").

    Raises:
        ProtocolError: unknown kind, or fields that are missing, unknown or of another type.
    """
    fields = {name: value for name, value in header.items() if name not in ("kind", "id", "priority")}
    cls = Request.kinds.get(header["kind"])
    if cls is None:
        raise ProtocolError(f"the engine knows no request {header['kind']!r}: {', '.join(Request.kinds)}")
    try:
        return from_plain(cls, fields)
    except ValueError as error:
        raise ProtocolError(f"malformed request: {error}") from error


@dataclass(frozen=True)
class CheckHealth(Request[Health]):
    """What the engine is doing; answered at once, whatever runs."""


@dataclass(frozen=True)
class LoadModel(Request[ModelInfo]):
    """Load a model in the place of the present one; all else waits for it.

    Attributes:
        model: installed name, or a checkpoint folder.
        device: "cpu", "cuda" ...; None for the best.
    """

    model: str = "starter"
    device: str | None = None

    @property
    def subject(self) -> str:
        """The model's name."""
        return f"the model {self.model}"


@dataclass(frozen=True)
class ListModels(Request[InstalledModels]):
    """The installed models with their cards; needs no model loaded."""


@dataclass(frozen=True)
class CheckModel(Request[ModelCard]):
    """Whether a checkpoint folder can be used: all of it is loaded once, and let go of again."""

    folder: str

    @property
    def subject(self) -> str:
        """The folder."""
        return self.folder


@dataclass(frozen=True)
class DescribeNames(Request[NamesReport]):
    """How typed names resolve, what to expect of them, and which nearly coincide."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Encode(Request[Encoded]):
    """Encode an image, or find it encoded.

    Attributes:
        path: image file.
        ahead: it gives way in memory to the images that the window is at (see `Neighbours`).
    """

    path: str
    ahead: bool = False


@dataclass(frozen=True)
class Neighbours(Request[Dropped]):
    """Which images, the current one first, memory is to be kept for; answered at once."""

    paths: tuple[str, ...]


@dataclass(frozen=True)
class Query(Request[Instances]):
    """Instances of typed names in an image, which is encoded if it is not yet.

    Attributes:
        path: image file.
        names: class names; synonyms as one, "sofa = couch".
        mode: "zsi" shows these only, "gzsi" also the seen classes.
        threshold: smallest score; None for a quarter of the model's, so that a slider can go below it
            without asking again.
        max_instances: most of them.
        seen_penalty: how much unseen names are favoured over seen ones, in logits; None for the model's.
    """

    path: str
    names: tuple[str, ...]
    mode: Literal["zsi", "gzsi"] = "zsi"
    threshold: float | None = None
    max_instances: int = 100
    seen_penalty: float | None = None


@dataclass(frozen=True)
class SegmentPoint(Request[Instances]):
    """Objects under a point, best first; coordinates in pixels of the upright image."""

    path: str
    x: float
    y: float
    name: str | None = None


@dataclass(frozen=True)
class SegmentBox(Request[Instances]):
    """The object in a drawn box x1, y1, x2, y2, in pixels of the upright image."""

    path: str
    box: tuple[float, float, float, float]
    name: str | None = None


@dataclass(frozen=True)
class Explain(Request[Explanation]):
    """Why a region or a drawn box is named as it is.

    Attributes:
        path: image file.
        region: `Instances.region_indices` of a proposal; None to tell of the box.
        box: a drawn one, where there is no region.
        names: typed names.
        top: how many names are told.
    """

    path: str
    region: int | None = None
    box: tuple[float, float, float, float] | None = None
    names: tuple[str, ...] = ()
    top: int = 5


@dataclass(frozen=True)
class CheckPresence(Request[Presence]):
    """Which typed names are probably absent from an image."""

    path: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Drop(Request[Dropped]):
    """Forget encoded images, in memory and on disk; None for all of them."""

    paths: tuple[str, ...] | None = None
