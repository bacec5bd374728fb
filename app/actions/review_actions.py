"""The menu Review."""

from __future__ import annotations

from app.actions.conditions import has_images, has_project
from app.actions.spec import ActionSpec, Where, WindowState


def can_review(state: WindowState) -> bool:
    """Proposals of the image may be decided about."""
    return state.can_edit and state.proposals > 0


def review_actions() -> list[ActionSpec]:
    """Deciding about proposals, and in which order."""
    return [
        ActionSpec(
            "review_accept",
            "&Accept and go on",
            "Accept the current proposal, or the selected ones, and go to the next.",
            "Review",
            "one",
            ("Space", "Return", "Enter"),
            Where.WORK,
            enabled_when=can_review,
        ),
        ActionSpec(
            "review_reject",
            "&Reject and go on",
            "Reject the current proposal, or the selected ones; it is not proposed again.",
            "Review",
            "one",
            ("X",),
            Where.WORK,
            enabled_when=can_review,
        ),
        ActionSpec(
            "review_next",
            "&Next proposal",
            "Go to the next proposal without deciding; behind the last one, to the next image to review.",
            "Review",
            "one",
            ("N",),
            Where.WORK,
            enabled_when=has_images,
        ),
        ActionSpec(
            "review_accept_all",
            "Accept all sho&wn",
            "Accept all proposals of the image that are shown, as one step.",
            "Review",
            "all",
            ("Shift+Return", "Shift+Enter"),
            Where.WORK,
            enabled_when=can_review,
        ),
        ActionSpec(
            "review_reject_all",
            "Re&ject all shown",
            "Reject all proposals of the image that are shown, as one step.",
            "Review",
            "all",
            ("Shift+X",),
            Where.WORK,
            enabled_when=can_review,
        ),
        ActionSpec(
            "show_proposals",
            "Show &proposals",
            "Show the proposals of the image, or hide them.",
            "Review",
            "show",
            ("G",),
            Where.WORK,
            checkable=True,
        ),
        ActionSpec(
            "review_by_file",
            "Image by image",
            "Review the images in the order of their names, the surest proposals first.",
            "Review",
            "order",
            enabled_when=has_project,
            checkable=True,
            exclusive="review_order",
        ),
        ActionSpec(
            "review_uncertain",
            "Most &uncertain first",
            "Review what the model is least sure of first, in all images.",
            "Review",
            "order",
            enabled_when=has_project,
            checkable=True,
            exclusive="review_order",
        ),
        ActionSpec(
            "counters",
            "&Counters…",
            "How many proposals were accepted, corrected and rejected, and the time that a mask took.",
            "Review",
            "counters",
            enabled_when=has_project,
        ),
    ]
