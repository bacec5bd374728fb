"""What all benchmarks share: options, interleaved timing, a table on stderr and JSON on stdout.

A benchmark is a script beside this file; both ways to run it are the same:

    uv run zsi benchmark window
    uv run python tests/benchmarks/window.py

Windows are drawn in memory, whatever the desktop (`QT_QPA_PLATFORM` says otherwise).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from zsi_core import __version__
from zsi_core.errors import ZsiError

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@dataclass(frozen=True)
class Case:
    """Something to time.

    Attributes:
        name: what it is, for a person.
        run: the timed call. If it returns a float, that counts, in milliseconds: it did the work in a process
            of its own, whose start does not count.
        prepare: called before each `run`, not timed.
        goal_ms: what it is meant to take at most; None for a peer.
        first_goal_ms: the same for the first version.
    """

    name: str
    run: Callable[[], object]
    prepare: Callable[[], object] = lambda: None
    goal_ms: float | None = None
    first_goal_ms: float | None = None


@dataclass(frozen=True)
class Figure:
    """A case that was timed, in milliseconds."""

    name: str
    best_ms: float
    median_ms: float
    goal_ms: float | None
    first_goal_ms: float | None


def measure(cases: Sequence[Case], repeats: int) -> list[Figure]:
    """Time all cases in turn, `repeats` times: what disturbs the machine for a while disturbs them all."""
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for round_ in range(repeats + 1):
        for case in cases:
            case.prepare()
            start = time.perf_counter()
            told = case.run()
            took = (time.perf_counter() - start) * 1000
            if round_:  # the first round compiles and fills caches
                times[case.name].append(told if isinstance(told, float) else took)
    return [
        Figure(case.name, min(ms), sorted(ms)[len(ms) // 2], case.goal_ms, case.first_goal_ms)
        for case in cases
        for ms in [times[case.name]]
    ]


def run(
    title: str,
    cases: Callable[[argparse.Namespace], tuple[Sequence[Case], dict[str, Any]]],
    *,
    repeats: int = 15,
) -> None:
    """Main function of a benchmark.

    Args:
        title: what the benchmark is about.
        cases: from the options, its cases and what else the JSON should say. It sets the threads.
        repeats: rounds, if the user does not say how many.
    """
    options = _options(title, repeats)
    try:
        timed, details = cases(options)
    except ZsiError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    figures = measure(timed, options.repeats)
    _print_table(title, options, figures)
    document = {
        "title": title,
        **_machine(),
        "threads": options.threads,
        "repeats": options.repeats,
        **details,
    }
    json.dump({**document, "figures": [asdict(figure) for figure in figures]}, sys.stdout, indent=1)
    print()


def _options(title: str, repeats: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--model", default="starter", help="installed model or checkpoint folder")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: one for each core")
    parser.add_argument(
        "--repeats", type=int, default=repeats, help="rounds; the best time of each case counts"
    )
    return parser.parse_args()


def _machine() -> dict[str, Any]:
    return {
        "zsi": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _print_table(title: str, options: argparse.Namespace, figures: Sequence[Figure]) -> None:
    table = Table(title=f"{title}, {options.threads} threads, best of {options.repeats}")
    for heading in ("", "best ms", "median ms", "goal ms", "first version"):
        table.add_column(heading, justify="right" if heading else "left")
    for figure in figures:
        goals = [_told(figure.best_ms, goal) for goal in (figure.goal_ms, figure.first_goal_ms)]
        table.add_row(figure.name, f"{figure.best_ms:.1f}", f"{figure.median_ms:.1f}", *goals)
    Console(stderr=True).print(table)


def _told(best_ms: float, goal_ms: float | None) -> str:
    if goal_ms is None:
        return ""
    return f"<= {goal_ms:g} {'met' if best_ms <= goal_ms else 'missed'}"
