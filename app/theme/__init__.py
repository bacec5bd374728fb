"""How the window looks: colours of the light and the dark theme, one style sheet, icons in those colours."""

from app.theme.colours import DARK, LIGHT, Colours
from app.theme.icons import icon
from app.theme.theme import apply_theme, current

__all__ = ["DARK", "LIGHT", "Colours", "apply_theme", "current", "icon"]
