"""When actions are possible: conditions for `ActionSpec.enabled_when`."""

from __future__ import annotations

from app.actions.spec import WindowState


def has_project(state: WindowState) -> bool:
    """A project is open."""
    return state.project


def writable(state: WindowState) -> bool:
    """An open project may be changed."""
    return state.writable


def can_import(state: WindowState) -> bool:
    """There is no project yet, or one that may be changed."""
    return state.writable or not state.project


def has_image(state: WindowState) -> bool:
    """An image is shown."""
    return state.image


def has_images(state: WindowState) -> bool:
    """The project has images."""
    return state.images > 0


def can_edit(state: WindowState) -> bool:
    """An image is shown whose objects may be changed."""
    return state.can_edit


def has_selection(state: WindowState) -> bool:
    """Objects are selected."""
    return state.selected > 0


def can_edit_selection(state: WindowState) -> bool:
    """Objects are selected and may be changed."""
    return state.can_edit and state.selected > 0


def can_edit_several(state: WindowState) -> bool:
    """Several objects are selected and may be changed."""
    return state.can_edit and state.selected > 1


def has_objects(state: WindowState) -> bool:
    """The image has objects."""
    return state.objects > 0
