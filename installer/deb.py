"""A Debian package: the program in /opt, commands in /usr/bin, menu entry, icon and file type."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from zsi_core.doctor_qt import FONT_PACKAGE, LIBRARIES

NAME = "zsi-annotator"
LINUX = Path(__file__).parent / "linux"
ICON = Path(__file__).parents[1] / "resources" / "icons" / "app.svg"

CONTROL = """\
Package: {name}
Version: {version}
Architecture: {architecture}
Maintainer: ZSI Annotator <zsi-annotator@localhost>
Installed-Size: {kilobytes}
Depends: libc6 (>= {libc}), {depends}
Recommends: {font}
Section: science
Priority: optional
Description: Annotate photographs with the names of things no model was trained on
 Type a name, get instance masks, offline, on a laptop.
"""


def write_deb(program: Path, build: Path, stem: str, version: str) -> Path:
    """Pack a built program; returns the .deb.

    Raises:
        SystemExit: dpkg-deb is missing or fails.
    """
    if shutil.which("dpkg-deb") is None:
        raise SystemExit(
            "error: dpkg-deb is not on the PATH: choose --format tar, or build on Debian or Ubuntu"
        )
    tree = build / "deb"
    shutil.rmtree(tree, ignore_errors=True)
    lay_out(program, tree, version)
    target = build / f"{stem}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z3", "--build", str(tree), str(target)]
    done = subprocess.run(command)
    if done.returncode:
        raise SystemExit(f"error: dpkg-deb ended with exit code {done.returncode}, see above")
    return target


def lay_out(program: Path, tree: Path, version: str) -> None:
    """The files of the package; those of the program are hard links where the disk allows it."""
    shutil.copytree(program, tree / "opt" / NAME, symlinks=True, copy_function=_link_or_copy)
    commands = tree / "usr" / "bin"
    commands.mkdir(parents=True)
    for command in (NAME, "zsi"):
        (commands / command).symlink_to(f"/opt/{NAME}/{command}")
    about = tree / "usr/share/doc" / NAME
    about.mkdir(parents=True)
    (about / "copyright").symlink_to(f"/opt/{NAME}/LICENSE")
    (about / "licences").symlink_to(f"/opt/{NAME}/licences")
    for source, place in (
        (LINUX / f"{NAME}.desktop", "usr/share/applications"),
        (LINUX / f"{NAME}.xml", "usr/share/mime/packages"),
    ):
        _copy(source, tree / place / source.name)
    # The window colours its icon itself; a menu does not.
    icon = tree / "usr/share/icons/hicolor/scalable/apps" / f"{NAME}.svg"
    icon.parent.mkdir(parents=True)
    icon.write_text(ICON.read_text(encoding="utf-8").replace("currentColor", "#1f6feb"), encoding="utf-8")
    kilobytes = sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN" / "control").write_text(
        CONTROL.format(
            name=NAME,
            version=version,
            architecture=_architecture(),
            kilobytes=kilobytes,
            libc=_libc(),
            depends=", ".join(sorted(LIBRARIES.values())),
            font=FONT_PACKAGE,
        ),
        encoding="utf-8",
    )


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def _libc() -> str:
    """Version of the C library that the program was built with: it does not start with an older one."""
    return (os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(" ")[2]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
