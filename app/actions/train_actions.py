"""The menu Train."""

from __future__ import annotations

from app.actions.conditions import has_project
from app.actions.spec import ActionSpec


def train_actions() -> list[ActionSpec]:
    """Retraining on the labels of the project."""
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
    ]
