"""The report of a run: `report.html`, self-contained, and `report.md`, in the folder of the run."""

from training.report.examples import Examples
from training.report.report import write_report

__all__ = ["Examples", "write_report"]
