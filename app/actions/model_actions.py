"""The menu Model."""

from __future__ import annotations

from app.actions.spec import ActionSpec


def model_actions() -> list[ActionSpec]:
    """The model and the engine that runs it."""
    return [
        ActionSpec(
            "models",
            "&Models…",
            "Installed models with their cards: choose one and its device, import, remove.",
            "Model",
            "engine",
        ),
        ActionSpec(
            "restart_engine",
            "&Restart engine",
            "Start the process that runs the model again. Your annotations are not touched by it.",
            "Model",
            "engine",
        ),
    ]
