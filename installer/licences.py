"""Licences of everything that is bundled: the texts of each package, and a list."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

LIST = "LICENCES.txt"
TEXTS = Path(__file__).parent / "licence_texts"
ADDED = {
    **dict.fromkeys(("PySide6_Essentials", "shiboken6"), ("LGPL-3.0.txt", "GPL-3.0.txt")),
    "pycocotools": ("pycocotools.txt",),
}
"""Texts for packages that bring none along."""

_FILE = re.compile(r"(licen[cs]e|copying|notice|authors|copyright)", re.IGNORECASE)


def collect(sources: Iterable[str], target: Path) -> list[str]:
    """Write the licences of all that is bundled into `target`, with a list; returns the list.

    Args:
        sources: paths of the files that go into the program, on the machine that builds it.
        target: new folder.

    Raises:
        SystemExit: a package has no licence text.
    """
    left = {_plain(source) for source in sources if Path(source).is_file()}
    target.mkdir(parents=True)
    lines = ["Parts of this program, and the folders here that hold their licences.", ""]
    for distribution in sorted(metadata.distributions(), key=lambda found: found.name.lower()):
        own = {_plain(distribution.locate_file(file)) for file in distribution.files or ()}
        if own & left:
            left -= own
            _copy(_texts(distribution), target / distribution.name)
            lines.append(f"{distribution.name} {distribution.version}: {licence_name(distribution)}")
    homes = (Path(sysconfig.get_path("stdlib")), Path(sys.base_prefix))  # the second on Windows
    _copy([path for home in homes for path in home.glob("LICENSE*")], target / "Python")
    lines.append(f"Python {sys.version.split()[0]}: PSF-2.0")
    inside = tuple(_plain(folder) + os.sep for folder in (sys.prefix, sys.base_prefix, TEXTS.parents[1]))
    libraries = sorted(path for path in left if not path.startswith(inside))
    for package, files in sorted(_system_packages(libraries).items()):
        names = ", ".join(Path(file).name for file in files)
        if package:
            _copy([Path("/usr/share/doc", package, "copyright")], target / package)
            lines.append(f"{package}, of the system that this was built on: {names}")
        else:
            lines.append(f"of the system that this was built on, licence not collected: {names}")
    lines = list(dict.fromkeys(lines))  # a package may lie in another one a second time
    (target / LIST).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lines[2:]


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


def _texts(distribution: metadata.Distribution) -> list[Path]:
    return [*licence_files(distribution), *(TEXTS / name for name in ADDED.get(distribution.name, ()))]


def _copy(texts: Iterable[Path], folder: Path) -> None:
    """Copy texts into a new folder; equal names are numbered."""
    count = 0
    for count, path in enumerate((path for path in texts if path.is_file()), 1):
        folder.mkdir(exist_ok=True)
        taken = (folder / path.name).exists()
        shutil.copyfile(path, folder / (f"{count}-{path.name}" if taken else path.name))
    if not count:
        raise SystemExit(
            f"error: {folder.name} is bundled but brings no licence text: put it into {TEXTS} and name it "
            "in ADDED of installer/licences.py"
        )


def _system_packages(files: Iterable[str]) -> dict[str, list[str]]:
    """Debian package -> the files that come from it; "" -> files that no package is known for."""
    found: dict[str, list[str]] = {}
    for file in files:
        # /lib is a link to /usr/lib today, and a package may know its files by either.
        names = dict.fromkeys((file, os.path.realpath(file), file.removeprefix("/usr")))
        found.setdefault(next(filter(None, map(_owner, names)), ""), []).append(file)
    return found


def _owner(file: str) -> str:
    if shutil.which("dpkg-query") is None:
        return ""
    done = subprocess.run(["dpkg-query", "-S", file], capture_output=True, text=True)
    return done.stdout.partition(": ")[0].partition(":")[0].partition(",")[0]


def _plain(path: object) -> str:
    """One spelling for each file, links left alone."""
    return os.path.normcase(os.path.normpath(Path(str(path)).absolute()))
