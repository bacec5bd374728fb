"""Every action of the window, declared once; menus, tool bar, shortcuts and command palette come from it."""

from app.actions.declared import ACTIONS
from app.actions.registry import ActionRegistry
from app.actions.spec import ActionSpec, Where, WindowState

__all__ = ["ACTIONS", "ActionRegistry", "ActionSpec", "Where", "WindowState"]
