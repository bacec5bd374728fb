"""The colours of a theme."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor, QPalette


@dataclass(frozen=True)
class Colours:
    """Colours by their purpose, as #rrggbb.

    Attributes:
        window: behind panels and bars.
        raised: bars, headers and buttons.
        base: lists and text fields.
        canvas: around the image.
        line: borders.
        text, dim: text, and text that is less important.
        accent, on_accent: what is selected or to be pressed, and the text on it.
        hover: under the mouse.
        good, caution, bad: success, warning, fault; never the only sign of it.
    """

    dark: bool
    window: str
    raised: str
    base: str
    canvas: str
    line: str
    text: str
    dim: str
    accent: str
    on_accent: str
    hover: str
    good: str
    caution: str
    bad: str

    def palette(self) -> QPalette:
        """The same for Qt."""
        palette = QPalette()
        role = QPalette.ColorRole
        for name, value in {
            role.Window: self.window,
            role.WindowText: self.text,
            role.Base: self.base,
            role.AlternateBase: self.raised,
            role.Text: self.text,
            role.Button: self.raised,
            role.ButtonText: self.text,
            role.BrightText: self.bad,
            role.ToolTipBase: self.raised,
            role.ToolTipText: self.text,
            role.PlaceholderText: self.dim,
            role.Highlight: self.accent,
            role.HighlightedText: self.on_accent,
            role.Accent: self.accent,
            role.Link: self.accent,
            role.LinkVisited: self.accent,
            role.Light: self.hover,
            role.Midlight: self.hover,
            role.Mid: self.line,
            role.Dark: self.line,
            role.Shadow: "#000000",
        }.items():
            palette.setColor(name, QColor(value))
        faded = QColor(self.dim)
        faded.setAlpha(150)
        for name in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText):
            palette.setColor(QPalette.ColorGroup.Disabled, name, faded)
        palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(self.line))
        return palette


LIGHT = Colours(
    dark=False,
    window="#f3f4f6",
    raised="#fbfcfd",
    base="#ffffff",
    canvas="#dfe2e7",
    line="#d0d5dc",
    text="#1c2430",
    dim="#5b6675",
    accent="#1f6feb",
    on_accent="#ffffff",
    hover="#e6ebf2",
    good="#1a7f4b",
    caution="#9a6200",
    bad="#b42318",
)

DARK = Colours(
    dark=True,
    window="#1e2228",
    raised="#262b33",
    base="#181b20",
    canvas="#131519",
    line="#39414d",
    text="#e4e8ee",
    dim="#9aa5b4",
    accent="#3f83f8",
    on_accent="#ffffff",
    hover="#323944",
    good="#4cc38a",
    caution="#e2a63b",
    bad="#f2766b",
)
