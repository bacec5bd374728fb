"""Make docs/window-*.png again: `uv run python docs/make_pictures.py`.

The real window opens the demo pictures in a folder of its own, draws on them, and asks the starter model.
Nothing of yours is touched.
"""

from __future__ import annotations

import io
import math
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

SIZE, SHOWN = (1280, 800), (960, 600)
PATIENCE_MS = 600_000
"""On a busy machine; some seconds are usual."""

# x, y in pixels of resources/demo/cat_on_sofa.jpg
CAT = (
    (300, 51), (308, 52), (324, 63), (341, 57), (357, 59), (367, 42), (390, 41), (396, 48), (397, 84),
    (400, 106), (398, 140), (383, 157), (369, 197), (332, 254), (330, 302), (312, 319), (342, 342),
    (348, 354),
    (340, 360), (314, 360), (293, 357), (272, 348), (228, 327), (256, 302), (202, 302), (186, 304),
    (181, 316),
    (122, 353), (118, 367), (129, 400), (106, 404), (88, 367), (81, 336), (73, 320), (84, 292), (104, 274),
    (92, 261), (75, 271), (52, 260), (1, 240), (3, 211), (75, 247), (95, 242), (103, 232), (121, 194),
    (152, 159), (195, 138), (238, 126), (278, 122), (309, 97), (300, 87), (296, 53),
)  # fmt: skip
REMOTES = (
    ((404, 162), (419, 163), (559, 189), (582, 195), (584, 205), (575, 215), (559, 215), (408, 186),
     (399, 181)),
    ((457, 203), (447, 208), (441, 216), (443, 227), (471, 244), (519, 255), (573, 273), (593, 279),
     (606, 274),
     (612, 253), (600, 238), (559, 225), (503, 212)),
)  # fmt: skip
# x, y, radius in pixels of resources/demo/coins.jpg
COINS = (
    (44, 54, 22), (100, 56, 19), (45, 125, 20), (101, 125, 19), (43, 195, 18), (100, 195, 21), (154, 197, 19),
    (212, 195, 23), (273, 195, 22), (346, 186, 32), (47, 260, 27), (113, 269, 21), (172, 262, 28),
    (358, 268, 24),
)  # fmt: skip


def main() -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as home:
        for name in ("HOME", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
            os.environ[name] = home
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        draw(Path(home))


def draw(home: Path) -> None:
    """Open the window with settings in `home`, and photograph it."""
    import numpy as np
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from app.actions.palette import CommandPalette
    from app.jobs import wait_for_tasks
    from app.main_window import MainWindow
    from app.project.commands import AddClass
    from app.project.geometry import Geometry
    from app.settings import Settings
    from app.startup import make_application
    from zsi_core.instances.polygons import Part

    application = make_application()
    window = MainWindow(Settings(home / "settings.ini"))
    window.resize(*SIZE)
    window.show()

    def wait(condition: Callable[[], object]) -> None:
        for _ in range(PATIENCE_MS // 100):
            if condition():
                return
            QTest.qWait(100)
        raise SystemExit("the window does not get ready: try again on an idle machine")

    def go_to(name: str) -> None:
        model = window.images.model
        row = next(row for row in range(model.rowCount()) if model.index(row).data() == name)
        window.images.list.setCurrentIndex(model.index(row))
        wait(lambda: window.session.image is not None and window.session.image.name == name)
        QTest.qWait(1000)  # thumbnails

    def forget_names() -> None:
        for chip in window.proposals.prompt.chips:
            window.proposals.prompt.remove(chip.class_id)

    def add(class_name: str, *rings: object) -> None:
        project = window.session.project
        assert project is not None
        if project.class_id(class_name) is None:
            window.session.do(AddClass(class_name))
        window.session.choose_class(project.class_id(class_name))  # type: ignore[arg-type]
        for ring in rings:
            part = Part(np.array(ring, dtype=np.float64))
            window.canvas.add(Geometry.from_parts([part]), "polygon")

    window.settings.set_value("theme", "light")
    window.open_demo()
    wait(lambda: window.session.image_id is not None and not window.jobs.running)
    go_to("cat_on_sofa.jpg")
    add("cat", CAT)
    add("remote control", *REMOTES)
    photograph(window, "window-light.png")

    window.link.start()
    wait(lambda: window.link.ready)
    for image, names, picture in (
        ("locomotive.jpg", "train", "window-proposals.png"),
        ("desk.jpg", "laptop, mouse", "window-tutorial.png"),
    ):
        forget_names()
        go_to(image)
        window.assistant.bar.focus()
        QTest.keyClicks(window.assistant.bar.input, names)
        QTest.keyClick(window.assistant.bar.input, Qt.Key.Key_Return)
        wait(lambda: window.proposals.visible and not window.proposals.busy)
        photograph(window, picture)

    window.settings.set_value("theme", "dark")
    forget_names()
    go_to("coins.jpg")
    add("coin", *(circle(*coin) for coin in COINS))
    window.registry["palette"].trigger()
    palette = window.findChild(CommandPalette)
    assert palette is not None
    QTest.keyClicks(palette.input, "cl")
    photograph(window, "window-dark.png", palette)
    window.close()
    wait_for_tasks()
    del application  # Qt's rules: alive for as long as there are windows


def circle(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """24 points around a place."""
    angles = [2 * math.pi * i / 24 for i in range(24)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def photograph(window: QWidget, name: str, popup: QWidget | None = None) -> None:
    """Save what the window shows, with a popup over it, in few colours: the repository stays small."""
    from PIL import Image
    from PySide6.QtCore import QBuffer, QIODevice
    from PySide6.QtGui import QPainter
    from PySide6.QtTest import QTest

    from zsi_core.files import atomic_write

    QTest.qWait(500)
    picture = window.grab()
    if popup is not None:
        painter = QPainter(picture)
        painter.drawPixmap(window.mapFromGlobal(popup.mapToGlobal(popup.rect().topLeft())), popup.grab())
        painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    image = Image.open(io.BytesIO(buffer.data().data())).convert("RGB")
    small = image.resize(SHOWN, Image.Resampling.LANCZOS).quantize(256, Image.Quantize.FASTOCTREE)
    with atomic_write(DOCS / name) as stream:
        small.save(stream, "PNG", optimize=True)


if __name__ == "__main__":
    main()
