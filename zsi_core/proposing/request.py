"""What is asked of every image of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zsi_core.coco import ProposalRun
from zsi_core.errors import NameResolutionError
from zsi_core.semantics import WordTable, class_key, resolve
from zsi_core.semantics.names import tidy

if TYPE_CHECKING:
    from zsi_core.inference import Segmenter
    from zsi_core.inference.vocabulary import Mode


@dataclass(frozen=True)
class Request:
    """Two runs with equal requests on equal images find the same.

    Attributes:
        names: typed class names, no class twice.
        mode: "zsi" shows these only, "gzsi" also the seen classes of the model.
        threshold: smallest score.
        max_per_image: most instances of an image.
        model: name of the checkpoint.
        checkpoint_sha256, words_sha256: its weights and its word table.
        categories: names that can be found, in the order of their category ids; follows from the others.
        resolved_as: class name -> words whose vector stands for it; follows from the others.
    """

    names: tuple[str, ...]
    mode: Mode
    threshold: float
    max_per_image: int
    model: str
    checkpoint_sha256: str
    words_sha256: str
    categories: tuple[str, ...] = field(compare=False)
    resolved_as: Mapping[str, str] = field(compare=False)

    @classmethod
    def of(
        cls,
        segmenter: Segmenter,
        names: Sequence[str],
        *,
        mode: Mode = "zsi",
        threshold: float | None = None,
        max_per_image: int = 100,
    ) -> Request:
        """A request to a loaded model.

        Args:
            segmenter: the model.
            names: from `split_names`.
            threshold: by default the checkpoint's.

        Raises:
            NameResolutionError: a name has no word vector.
        """
        typed = {class_key(name) for name in names}
        info = segmenter.checkpoint.info
        others = [name for name in info.seen if class_key(name) not in typed] if mode == "gzsi" else []
        categories = (*names, *others)
        return cls(
            names=tuple(names),
            mode=mode,
            threshold=segmenter.calibration.threshold if threshold is None else threshold,
            max_per_image=max_per_image,
            model=segmenter.checkpoint.path.name,
            checkpoint_sha256=segmenter.checkpoint.sha256,
            words_sha256=info.words_sha256,
            categories=categories,
            resolved_as=resolved_names(segmenter.vocabularies.table, categories),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without what follows from the others."""
        values = asdict(self) | {"names": list(self.names)}
        return {key: value for key, value in values.items() if key not in ("categories", "resolved_as")}

    @property
    def run(self) -> ProposalRun:
        """Provenance that all proposals have in common."""
        return ProposalRun(
            self.model, self.checkpoint_sha256, self.words_sha256, self.threshold, self.resolved_as
        )


def split_names(text: str) -> tuple[str, ...]:
    """Class names of a text with commas, or of a file with one name a line, given as `@FILE`.

    Returns:
        The names in order; the same class given twice counts once.

    Raises:
        NameResolutionError: the file cannot be read.
    """
    if text.startswith("@"):
        try:
            given = Path(text[1:]).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise NameResolutionError(
                f"the class names cannot be read from {text[1:]} ({error}): name a text file with one name "
                "a line"
            ) from error
    else:
        given = text.split(",")
    by_class: dict[str, str] = {}
    for name in map(tidy, given):
        if name:
            by_class.setdefault(class_key(name), name)
    return tuple(by_class.values())


def resolved_names(table: WordTable, names: Sequence[str]) -> dict[str, str]:
    """Name -> the entries of the table whose vector stands for it.

    Raises:
        NameResolutionError: one error that lists every name without a vector.
    """
    resolutions = [resolve(table, name) for name in names]
    if problems := [resolution.problem for resolution in resolutions if resolution.vector is None]:
        raise NameResolutionError("; ".join(problems))
    return {resolution.phrase: " + ".join(resolution.used) for resolution in resolutions}
