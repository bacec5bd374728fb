"""What a person can adjust: one schema, a store and a generated dialog."""

from app.settings.schema import OPTIONS, Option
from app.settings.store import Settings

__all__ = ["OPTIONS", "Option", "Settings"]
