"""What a batch of proposals is to do and how far it is, kept in the project to outlive the window. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self
from uuid import uuid4

from app.project import Queries
from app.project.commands import Batch, Command, SetSetting

PLAN, IMAGES = "batch", "batch/images"
"""Settings of a project: the plan without its images, which change with every image, and the images."""


@dataclass(frozen=True)
class BatchPlan:
    """A batch under way.

    Attributes:
        images: ids of all images, in the order of work.
        class_ids: classes that the model is asked for.
        replace: untouched proposals of these classes that another model made give way.
        weaker: proposals below the thresholds are kept, too, for thresholds to be lowered later.
        step: id of the step of undo that all of its proposals are.
        done: how many images are done.
        proposed: how many proposals were added.
        shown: how many of these reach the threshold of their class.
        last: uuid of the proposal added last; empty before the first.
    """

    images: tuple[int, ...]
    class_ids: tuple[int, ...]
    replace: bool = False
    weaker: bool = True
    step: str = ""
    done: int = 0
    proposed: int = 0
    shown: int = 0
    last: str = ""

    @classmethod
    def new(
        cls, images: Sequence[int], class_ids: Sequence[int], *, replace: bool = False, weaker: bool = True
    ) -> Self:
        """A batch that has not begun."""
        return cls(tuple(images), tuple(class_ids), replace, weaker, step=str(uuid4()))

    @classmethod
    def read(cls, project: Queries) -> Self | None:
        """The batch of a project that has not ended; None for none."""
        values = project.setting(PLAN)
        if values is None:
            return None
        images = tuple(project.setting(IMAGES, ()))
        return cls(**{**values, "images": images, "class_ids": tuple(values["class_ids"])})

    @property
    def left(self) -> int:
        """How many images are still to be done."""
        return len(self.images) - self.done

    def after(self, added: Sequence[str], shown: int = 0) -> Self:
        """The plan after one more image, with the uuids of its new proposals and how many are shown."""
        return replace(
            self,
            done=self.done + 1,
            proposed=self.proposed + len(added),
            shown=self.shown + shown,
            last=added[-1] if added else self.last,
        )

    def begin(self) -> Command:
        """Write all of it."""
        return Batch([SetSetting(IMAGES, list(self.images)), self.keep()], "Begin a batch of proposals")

    def keep(self) -> Command:
        """Write how far it is."""
        values = {
            "class_ids": list(self.class_ids),
            "replace": self.replace,
            "weaker": self.weaker,
            "step": self.step,
            "done": self.done,
            "proposed": self.proposed,
            "shown": self.shown,
            "last": self.last,
        }
        return SetSetting(PLAN, values)

    @staticmethod
    def end() -> Command:
        """Remove it from the project."""
        return Batch([SetSetting(PLAN, None), SetSetting(IMAGES, None)], "End a batch of proposals")
