"""Licences of everything that is bundled: the text files of each package, and a list."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

LIST = "LICENCES.txt"
_FILE = re.compile(r"(licen[cs]e|copying|notice|authors|copyright)", re.IGNORECASE)


def needed(project: str) -> list[metadata.Distribution]:
    """The installed distributions that a project needs, itself included, by name."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [Requirement(project)]
    while waiting:
        requirement = waiting.pop()
        key = requirement.name.lower().replace("_", "-")
        extras = requirement.extras or {""}
        if key in found or not any(
            requirement.marker is None or requirement.marker.evaluate({"extra": extra}) for extra in extras
        ):
            continue
        try:
            found[key] = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError:
            continue  # needed on another system
        waiting += [Requirement(text) for text in found[key].requires or ()]
    return [found[key] for key in sorted(found)]


def licence_files(distribution: metadata.Distribution) -> Iterator[Path]:
    """Its licence texts."""
    for file in distribution.files or ():
        if _FILE.search(file.name) and file.suffix not in (".py", ".pyc"):
            path = Path(str(distribution.locate_file(file)))
            if path.is_file():
                yield path


def licence_name(distribution: metadata.Distribution) -> str:
    """What its metadata calls the licence."""
    info = distribution.metadata
    stated = next((info[key] for key in ("License-Expression", "License") if key in info), "")
    classifiers = [
        text.rpartition(" :: ")[2] for text in info.get_all("Classifier") or () if text.startswith("License")
    ]
    short = stated.strip().splitlines()[0] if stated.strip() and len(stated) < 200 else ""
    return short or ", ".join(classifiers) or "see its licence file"


def collect(project: str, target: Path) -> int:
    """Copy the licences of all that a project needs into `target`, with a list; returns how many."""
    lines = []
    distributions = needed(project)
    for distribution in distributions:
        name = distribution.metadata["Name"]
        copied = 0
        for path in licence_files(distribution):
            folder = target / name
            folder.mkdir(parents=True, exist_ok=True)
            copied += 1
            shutil.copyfile(path, folder / (path.name if copied == 1 else f"{copied}-{path.name}"))
        told = f"{copied} files" if copied else "no licence file in the package"
        lines.append(f"{name} {distribution.version}: {licence_name(distribution)} ({told})\n")
    target.mkdir(parents=True, exist_ok=True)
    (target / LIST).write_text("".join(lines), encoding="utf-8")
    return len(distributions)
