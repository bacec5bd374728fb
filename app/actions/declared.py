"""All actions of the window. Their order is that of the menus, the tool bar and the overview of keys."""

from __future__ import annotations

from app.actions.annotate_actions import annotate_actions
from app.actions.edit_actions import edit_actions
from app.actions.file_actions import file_actions, tools_and_help_actions
from app.actions.model_actions import model_actions
from app.actions.prompt_actions import prompt_actions
from app.actions.review_actions import review_actions
from app.actions.spec import ActionSpec
from app.actions.train_actions import train_actions
from app.actions.view_actions import view_actions

ACTIONS: tuple[ActionSpec, ...] = (
    *file_actions(),
    *edit_actions(),
    *view_actions(),
    *annotate_actions(),
    *review_actions(),
    *prompt_actions(),
    *model_actions(),
    *train_actions(),
    *tools_and_help_actions(),
)
