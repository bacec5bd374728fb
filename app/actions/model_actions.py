"""The menu Model."""

from __future__ import annotations

from app.actions.conditions import writable
from app.actions.spec import ActionSpec


def model_actions() -> list[ActionSpec]:
    """Proposing on many images, the model, and the engine that runs it."""
    return [
        ActionSpec(
            "propose_batch",
            "Propose on &many images…",
            "Let the model propose on the folder, or on the images that the list shows, in the background.",
            "Model",
            "propose",
            ("Ctrl+B",),
            enabled_when=writable,
        ),
        ActionSpec(
            "propose_again",
            "Propose &again with this model…",
            "Replace the untouched proposals of other models by those of the model in use.",
            "Model",
            "propose",
            enabled_when=writable,
        ),
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
