"""Retraining in the window: what will happen, how it goes, and what came of it."""
