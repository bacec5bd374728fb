"""Build the program as one folder that needs no Python, and pack it: `python build_installer.py --help`.

An environment of its own in the build folder gets what the program needs and PyInstaller; `installer/` says
what goes into the program. `--edition cpu` takes PyTorch's CPU wheels, which only PyTorch's own index has;
`cuda` takes what the package registry gives, on Linux 5 GB with CUDA's libraries. On Windows and macOS
the same command makes the folder (macOS: also the .app); docs/installer.md says how to pack it there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from installer.contents import prune, size_report
from installer.deb import write_deb
from installer.smoke_test import smoke_test

ROOT = Path(__file__).parent
NAME = "zsi-annotator"
SHOWN = 12


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, report, try, pack; returns the exit code."""
    options = _parser().parse_args(arguments)
    build: Path = options.build.absolute()
    build.mkdir(parents=True, exist_ok=True)
    python = make_environment(options.edition, build / f"env-{options.edition}")
    program = freeze(python, build)
    print_sizes(program)
    if options.smoke_test:
        started = time.monotonic()
        smoke_test(program, build / "smoke-test")
        print(f"smoke test passed in {time.monotonic() - started:.0f} s")
    print(f"built: {pack(program, options.format, options.edition, build)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build_installer.py", description="Build the program and pack it.")
    parser.add_argument("--edition", choices=("cpu", "cuda"), default="cuda", help="which PyTorch goes in")
    parser.add_argument("--format", choices=("dir", "tar", "deb"), default="dir", help="how it is packed")
    parser.add_argument("--smoke-test", action="store_true", help="try what was built, in an empty home")
    parser.add_argument(
        "--build", type=Path, default=ROOT / "build", help="folder for everything that is made"
    )
    return parser


def version() -> str:
    """Of the program."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def make_environment(edition: str, folder: Path) -> Path:
    """An environment with the program, what it needs and PyInstaller; returns its Python."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv = shutil.which("uv")
    if uv is None:
        raise SystemExit("error: uv is not on the PATH: run `pip install uv`")
    run([uv, "venv", "--clear", "--python", f"{sys.version_info[0]}.{sys.version_info[1]}", folder])
    backend = ["--torch-backend", "cpu"] if edition == "cpu" else []
    run(
        [
            uv,
            "pip",
            "install",
            "--python",
            python,
            *backend,
            ROOT,
            "--group",
            f"{ROOT / 'pyproject.toml'}:installer",
        ]
    )
    packages = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('platlib'))"], text=True
    )
    print(f"{prune(Path(packages.strip())) / 1e6:,.0f} MB of the environment are left out")
    # Seconds here instead of the minutes of a build: it imports nearly everything, and runs the model.
    run([python, "-m", "app.command_line", "doctor"], cwd=folder)
    return python


def freeze(python: Path, build: Path) -> Path:
    """Run PyInstaller; returns the folder of the program."""
    spec = ROOT / "installer" / f"{NAME}.spec"
    places: list[str | Path] = ["--distpath", build / "dist", "--workpath", build / "work"]
    run(
        [python, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN", *places, spec],
        cwd=build,
    )
    program = build / "dist" / NAME
    shutil.move(program / "_internal" / "licences", program / "licences")
    shutil.copyfile(ROOT / "LICENSE", program / "LICENSE")
    return program


def files_of(program: Path) -> Iterator[tuple[str, int]]:
    """(path, bytes) of every file in the program, links not counted."""
    for path in sorted(program.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(program).as_posix(), path.stat().st_size


def print_sizes(program: Path) -> None:
    """The size of the program and of its largest parts."""
    sizes = size_report(files_of(program))
    print(f"{sum(size for _, size in sizes) / 1e6:,.0f} MB in {program}")
    for name, size in sizes[:SHOWN]:
        print(f"{size / 1e6:>10,.1f} MB  {name}")


def pack(program: Path, format: str, edition: str, build: Path) -> Path:
    """The program as a folder, a .tar.gz or a .deb."""
    stem = f"{NAME}-{version()}-{edition}"
    if format == "tar":
        target = build / f"{stem}.tar.gz"
        with tarfile.open(target, "w:gz", compresslevel=3) as archive:
            archive.add(program, arcname=stem)
        return target
    if format == "deb":
        return write_deb(program, build, stem, version())
    return program


def run(command: Sequence[str | Path], cwd: Path = ROOT) -> None:
    """Run a command; ends with a sentence if it fails."""
    print("+", *command, flush=True)
    done = subprocess.run([str(part) for part in command], cwd=cwd)
    if done.returncode:
        raise SystemExit(f"error: {Path(command[0]).name} ended with exit code {done.returncode}, see above")


if __name__ == "__main__":
    sys.exit(main())
