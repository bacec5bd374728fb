"""Every action of the window, declared once; menus, tool bar, shortcuts and command palette come from it.

Free of Qt, which `app.actions.registry` brings in: the documentation is made from the declarations alone.
"""

from app.actions.declared import ACTIONS
from app.actions.spec import ActionSpec, Where, WindowState

__all__ = ["ACTIONS", "ActionSpec", "Where", "WindowState"]
