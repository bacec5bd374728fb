"""What belongs into the built program, and what does not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

# Found by PyInstaller only where an import statement names them.
HIDDEN = ("training.__main__", "zsi_core.engine.server", "app.__main__", "app.command_line")

# Extension modules that import each other; torch asks for them where there is CUDA.
WITH_ALL_MODULES = ("cuda.bindings", "cuda.pathfinder")

# Of the standard library, and of Qt what nothing here draws with.
EXCLUDED_MODULES = (
    "tkinter",
    *("PySide6.QtNetwork", "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtOpenGL"),
)

# `zsi doctor` and timm read their versions.
WITH_METADATA = (
    *("torch", "torchvision", "timm", "gensim", "numpy", "pycocotools", "accelerate", "safetensors"),
    *("PySide6-Essentials", "shiboken6"),
)

# Kept as .py files beside the compiled ones: their functions are read as text at run time.
WITH_SOURCE = {"inflect": "pyz+py", "typeguard": "pyz+py"}

# By path among the installed packages.
_UNWANTED = re.compile(
    r"""
    (^|/)tests?/ | \.(pyi|a|h|hpp|cuh|cmake)$
    # Compilers of models, and downloads.
    | ^(triton|hf_xet)(-[^/]*)?/
    | ^PySide6/(Qt/)?(qml|resources|translations)/
    | ^PySide6/(Qt/)?plugins/(
        designer | egldeviceintegrations | generic | networkinformation | printsupport | qmllint
        | qmltooling | sqldrivers | tls | vectorimageformats | wayland-graphics-integration-server
      )/
    | ^PySide6/(Qt/)?plugins/platforms/libq(eglfs|linuxfb|minimal|minimalegl|vkkhrdisplay|vnc)\.
    # It would bring GTK of the machine that builds, without the files that GTK needs at run time.
    | ^PySide6/(Qt/)?plugins/platformthemes/libqgtk3\.
    | ^PySide6/(Qt/)?plugins/platforminputcontexts/libqtvirtualkeyboard
    | ^PySide6/(Qt/)?plugins/imageformats/libq(pdf|icns|tga|tiff|wbmp|webp|gif)\.
    | ^PySide6/(Qt/lib/lib)?Qt6(EglF|Qml|Quick|Pdf|VirtualKeyboard|Network|Sql|Designer|Help|Test)
    | ^torch/bin/(?!torch_shm_manager)
    # Of CUDA: several GPUs or machines, profiling, and device code for compilers.
    | ^nvidia/.*/(libcusolverMg|libnvperf_|libcheckpoint|libpcsamplingutil|libcufile_rdma|libnvblas|libcufftw)
    | ^nvidia/nvshmem/.*(nvshmem_(bootstrap|transport)_|\.bc$)
    """,
    re.VERBOSE,
)


def prune(packages: Path) -> int:
    """Remove from an environment what the program does not need; returns the bytes.

    Done before PyInstaller looks: what it does not find brings no libraries of its own along.
    """
    removed = 0
    for path in sorted(packages.rglob("*"), reverse=True):  # what a folder holds comes before the folder
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()  # else Python takes it for a package
        elif not is_wanted(path.relative_to(packages).as_posix()):
            removed += path.stat().st_size
            path.unlink()
    return removed


def opened_by_name(packages: Path) -> list[tuple[str, str]]:
    """(file, folder in the program) of libraries that are opened by name at run time.

    PyInstaller finds those that others are linked against, and extension modules that are imported.
    """
    return [
        (str(path), path.parent.relative_to(packages).as_posix())
        for pattern in ("nvidia/*/lib/*.so*", "torchvision/*.so", "torchvision/*.pyd")
        for path in sorted(packages.glob(pattern))
    ]


def is_wanted(name: str) -> bool:
    """Whether a file, by its path among the installed packages, is of use in the program."""
    return not _UNWANTED.search(name)


def size_report(files: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Sizes of (path, bytes) by library, largest first."""
    sizes: dict[str, int] = {}
    for name, size in files:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        inside = parts[1:] if parts[0] == "_internal" and len(parts) > 1 else parts
        library = inside[0] if len(inside) > 1 else "single files"
        sizes[library] = sizes.get(library, 0) + size
    return sorted(sizes.items(), key=lambda item: -item[1])
