"""Retraining on a project's labels: the plan, the process that does it, and what becomes of its result."""
