"""Work in the background: one helper that runs a function in a thread, and the list of jobs a person sees."""

from app.jobs.worker import Cancelled, Task, run_task, wait_for_tasks

__all__ = ["Cancelled", "Task", "run_task", "wait_for_tasks"]
