"""Asking the model about the image in view: part of the menu Model."""

from __future__ import annotations

from app.actions.conditions import can_edit, has_image, has_project
from app.actions.spec import ActionSpec, Where


def prompt_actions() -> list[ActionSpec]:
    """The prompt, proposing here, and thresholds."""
    return [
        ActionSpec(
            "prompt",
            "&Type what to look for",
            "Type names above the image; the model proposes masks for them.",
            "Model",
            "here",
            ("/",),
            Where.WORK,
            enabled_when=has_project,
        ),
        ActionSpec(
            "propose_here",
            "&Propose here",
            "Ask the model for all names above the image, in this image.",
            "Model",
            "here",
            ("I",),
            Where.WORK,
            enabled_when=can_edit,
        ),
        ActionSpec(
            "threshold_lower",
            "Show &more proposals",
            "Lower the threshold of the selected proposals' class, without a selection of all.",
            "Model",
            "here",
            (",",),
            Where.WORK,
            enabled_when=has_image,
            repeats=True,
        ),
        ActionSpec(
            "threshold_raise",
            "Show &fewer proposals",
            "Raise the threshold of the selected proposals' class, without a selection of all.",
            "Model",
            "here",
            (".",),
            Where.WORK,
            enabled_when=has_image,
            repeats=True,
        ),
    ]
