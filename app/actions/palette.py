"""The command palette: type a few letters of any action and run it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from app.actions.registry import ActionRegistry, key_text
from app.actions.spec import ActionSpec
from app.picker import Choice, Picker


class CommandPalette(Picker):
    """Lists every action; those that are not possible now come last."""

    def __init__(self, registry: ActionRegistry, parent: QWidget) -> None:
        super().__init__("Command palette", "Type a command", self._find, parent)
        self.setObjectName("command_palette")
        self._registry = registry
        self.chosen.connect(lambda action_id: registry[action_id].trigger())

    def _find(self, text: str) -> Sequence[Choice]:
        """Actions whose menu, text or tip holds every typed word."""
        words = text.casefold().split()
        ranked = [(rank, spec) for spec in self._registry.specs.values() if (rank := _rank(spec, words))]
        choices = [self._choice(spec) for _, spec in sorted(ranked, key=lambda pair: pair[0])]
        return sorted(choices, key=lambda choice: not choice.possible)

    def _choice(self, spec: ActionSpec) -> Choice:
        action = self._registry[spec.id]
        possible = action.isEnabled()
        keys = "   ".join(key_text(key) for key in spec.keys)
        return Choice(
            key=spec.id,
            text=f"{spec.menu}: {action.text().replace('&', '').removesuffix('…')}",
            side=keys if possible else "not possible now",
            tip=spec.tip,
            possible=possible,
        )


def _rank(spec: ActionSpec, words: list[str]) -> int | None:
    """1 is best; None when a word does not occur at all."""
    title, everything = spec.plain_text.casefold(), f"{spec.menu} {spec.plain_text} {spec.tip}".casefold()
    if not all(word in everything for word in words):
        return None
    if not words or title.startswith(words[0]):
        return 1
    return 2 if all(word in title for word in words) else 3
