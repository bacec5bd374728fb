"""The menu Train."""

from __future__ import annotations

from app.actions.conditions import can_edit, has_project, writable
from app.actions.spec import ActionSpec


def train_actions() -> list[ActionSpec]:
    """Retraining on the labels of the project, and which images are labelled completely."""
    return [
        ActionSpec(
            "retrain",
            "&Retrain on this project…",
            "Let the model learn from the labels of this project, in the background.",
            "Train",
            "train",
            ("Ctrl+T",),
            enabled_when=has_project,
        ),
        ActionSpec(
            "show_retraining",
            "&Show retraining…",
            "How the retraining of this project stands, or its result: keep it, use it, go back.",
            "Train",
            "train",
            enabled_when=has_project,
        ),
        ActionSpec(
            "labelled_completely",
            "Image is labelled &completely",
            "Every object of the project's classes is labelled here, so a retraining takes the rest for "
            "background.",
            "Train",
            "marks",
            enabled_when=can_edit,
            checkable=True,
        ),
        ActionSpec(
            "finished_are_complete",
            "&Finished images are labelled completely",
            "Mark all finished images as labelled completely, as one step.",
            "Train",
            "marks",
            enabled_when=writable,
        ),
    ]
