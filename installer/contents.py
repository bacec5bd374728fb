"""What belongs into the built program, and what does not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

# Found by PyInstaller only where an import statement names them.
HIDDEN = ("training.__main__", "zsi_core.engine.server", "app.__main__", "app.command_line")

# Imported by libraries, if at all, for things that this program does not do.
EXCLUDED_MODULES = (
    *("IPython", "matplotlib", "pandas", "tensorboard", "tkinter", "triton"),
    *("pytest", "_pytest", "hypothesis", "torch.testing._internal"),
    *("PySide6.QtNetwork", "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtOpenGL"),
)

# `zsi doctor` and timm read their versions.
WITH_METADATA = (
    *("torch", "torchvision", "timm", "gensim", "numpy", "pycocotools", "accelerate", "safetensors"),
    *("PySide6-Essentials", "shiboken6"),
)

# Kept as .py files beside the compiled ones: their functions are read as text at run time.
WITH_SOURCE = {"inflect": "pyz+py", "typeguard": "pyz+py"}

_UNWANTED = re.compile(
    r"""
    PySide6/Qt/translations/
    | PySide6/Qt/(qml|resources)/
    | PySide6/Qt/plugins/(
        designer | egldeviceintegrations | generic | networkinformation | printsupport | qmllint
        | qmltooling | sqldrivers | tls | vectorimageformats | wayland-graphics-integration-server
      )/
    | PySide6/Qt/plugins/platforms/libq(eglfs|linuxfb|minimal|minimalegl|vkkhrdisplay|vnc)\.
    | PySide6/Qt/plugins/platforminputcontexts/libqtvirtualkeyboard
    | PySide6/Qt/plugins/imageformats/libq(pdf|icns|tga|tiff|wbmp|webp|gif)\.
    | (^|/)libQt6(EglF|Qml|Quick|Pdf|VirtualKeyboard|Network|Sql|Designer|Help|Test)
    | (^|/)tests?/ | /testing/_internal/
    | ^torch/(include|share/cmake)/ | ^torch/bin/(?!torch_shm_manager) | ^torch/lib/.*\.a$
    | ^(torch|torchvision|timm)/.*\.pyi$
    """,
    re.VERBOSE,
)


def is_wanted(name: str) -> bool:
    """Whether a file, by its path in the built program, is of use there."""
    return not _UNWANTED.search(name.replace("\\", "/"))


def size_report(files: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Sizes of (path, bytes) by library, largest first."""
    sizes: dict[str, int] = {}
    for name, size in files:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        inside = parts[1:] if parts[0] == "_internal" and len(parts) > 1 else parts
        library = inside[0] if len(inside) > 1 else "single files"
        sizes[library] = sizes.get(library, 0) + size
    return sorted(sizes.items(), key=lambda item: -item[1])
