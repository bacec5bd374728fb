"""How objects look. State is never told by colour alone: proposals are dashed, corrected and locked objects
marked. Every line has a casing in black or white, whichever stands out from it, to be seen on any picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import lru_cache, partial

from PySide6.QtCore import QMarginsF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPainterPath, QPen

from app.canvas.objects import CanvasObject, Colour
from app.canvas.outline import Outline
from app.canvas.scene import Item
from app.canvas.settings import ViewSettings
from app.canvas.viewport import Viewport

LABEL_WIDTH = 180
"""Longest label in pixels."""
MARGIN = 16
"""Pixels around the box of an object that its lines and marks may cover."""
FEW_POINTS = 6000
"""Up to this many points in view all lines are drawn smoothly; Qt's fast lines are for the rest."""
_SLICE = 4000
"""Microseconds that a slice should take, by what follows, which was measured on a laptop."""
_COST_ITEM, _COST_SMOOTH, _COST_FAST, _COST_LABEL = 60, 3.5, 0.7, 60
_TINY = 2.0
_MARK = 7.0
_RISE = 10
"""Pixels that a label may stand out above the image: the free margin of a fitted one."""


class Look(Enum):
    """How an object is drawn: width of its line, and share of the usual opacity inside.

    What the cached layer shows already needs less inside, or none.
    """

    PLAIN = (1.6, 1.0)
    HOVERED = (2.6, 0.5)
    SELECTED = (2.2, 0.0)
    EDITED = (2.2, 1.001)
    CURRENT = (3.2, 0.0)


def are_few(items: Iterable[Item]) -> bool:
    """Whether all lines can be drawn smoothly in good time."""
    return sum(item.points for item in items) <= FEW_POINTS


def draw_objects(
    painter: QPainter,
    items: Sequence[Item],
    viewport: Viewport,
    settings: ViewSettings,
    look: Look = Look.PLAIN,
    smooth: bool = True,
) -> None:
    """Draw items in widget coordinates, labels and marks on top of all.

    Args:
        smooth: fine lines; otherwise those that Qt draws three times as fast.
    """
    _draw_shapes(painter, items, viewport, settings, look, smooth)
    _draw_words(painter, items, viewport, settings)


def slices(
    items: Sequence[Item],
    viewport: Viewport,
    settings: ViewSettings,
    look: Look = Look.PLAIN,
    smooth: bool = True,
) -> list[Callable[[QPainter], None]]:
    """The same as `draw_objects` in parts, each of which takes some milliseconds."""
    each = _COST_SMOOTH if smooth else _COST_FAST
    batches = _batches(items, [_COST_ITEM + each * item.points for item in items])
    shapes = [
        partial(_draw_shapes, items=batch, viewport=viewport, settings=settings, look=look, smooth=smooth)
        for batch in batches
    ]
    told = [item for item in items if settings.labels or _is_marked(item)]
    words = [
        partial(_draw_words, items=batch, viewport=viewport, settings=settings)
        for batch in _batches(told, [_COST_LABEL] * len(told))
    ]
    return [*shapes, *words]


def _batches(items: Sequence[Item], costs: Sequence[float]) -> list[list[Item]]:
    """Items that cost no more than `_SLICE` together, or one that costs more."""
    batches: list[list[Item]] = []
    left = 0.0
    for item, cost in zip(items, costs, strict=True):
        if cost > left:
            batches.append([])
            left = _SLICE
        batches[-1].append(item)
        left -= cost
    return batches


def _draw_shapes(
    painter: QPainter,
    items: Sequence[Item],
    viewport: Viewport,
    settings: ViewSettings,
    look: Look,
    smooth: bool,
) -> None:
    painter.save()
    painter.setTransform(viewport.transform, True)
    for item in items:
        _draw_shape(painter, item, viewport.zoom, settings, look, smooth)
    painter.restore()


def _draw_words(painter: QPainter, items: Sequence[Item], viewport: Viewport, settings: ViewSettings) -> None:
    """Labels and marks."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for item in items:
        object_, marked = item.object, _is_marked(item)
        if not (marked or settings.labels):
            continue
        x1, y1, x2, y2 = item.box
        middle = viewport.to_widget((x1 + x2) / 2, y1)
        if settings.labels and object_.class_name:
            label = _draw_label(painter, item, viewport)
            middle = QPointF(label.right() + _MARK + 2, label.center().y())
        if marked and max(x2 - x1, y2 - y1) * viewport.zoom >= 2 * _MARK:
            _draw_marks(painter, object_, middle)


def _is_marked(item: Item) -> bool:
    return item.object.locked or item.object.state == "corrected"


def margins(settings: ViewSettings) -> QMarginsF:
    """How far around its box an object draws lines, marks and its label, in pixels."""
    if settings.labels:
        return QMarginsF(MARGIN + LABEL_WIDTH, 3 * MARGIN, 3 * MARGIN + LABEL_WIDTH, 2 * MARGIN)
    return QMarginsF(MARGIN, MARGIN, MARGIN, MARGIN)


def extent(item: Item, viewport: Viewport, settings: ViewSettings) -> QRectF:
    """The rectangle of the widget outside of which an item draws nothing."""
    return viewport.rect_to_widget(item.box).marginsAdded(margins(settings))


def touching(items: Iterable[Item], rect: QRectF, viewport: Viewport, settings: ViewSettings) -> list[Item]:
    """Items that may draw something in a rectangle of the widget."""
    return [item for item in items if extent(item, viewport, settings).intersects(rect)]


def _draw_shape(
    painter: QPainter, item: Item, zoom: float, settings: ViewSettings, look: Look, smooth: bool
) -> None:
    object_ = item.object
    x1, y1, x2, y2 = item.box
    if max(x2 - x1, y2 - y1) * zoom < _TINY:
        painter.fillRect(QRectF(x1, y1, x2 - x1, y2 - y1), QColor(*object_.colour))
        return
    # Thick lines hide a pixel, and with it the steps of a mask, which take most of the time.
    thick = look in (Look.SELECTED, Look.EDITED, Look.CURRENT)
    outline = item.outline_for(zoom / 4 if thick else zoom).in_view(painter.clipBoundingRect())
    width, share = look.value
    dashed = object_.state == "proposed"
    casing = contrast(object_.colour)
    opacity = round(min(1.0, settings.opacity * share) * 255)
    filled = opacity and not settings.outline_only and not object_.geometry.is_box
    painter.setBrush(_fill(object_.colour, opacity) if filled else Qt.BrushStyle.NoBrush)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    if filled:  # its edge lies under the line
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawPath(outline.path)
        painter.setBrush(Qt.BrushStyle.NoBrush)
    if not smooth and look is Look.PLAIN:
        painter.setPen(_pen(casing, 70 if dashed else 150, 1, False))
        _draw_around(painter, outline, zoom)
    else:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
        if thick:
            _draw_line(painter, outline, _pen((0, 0, 0), 190, width + 4, False))
            _draw_line(painter, outline, _pen((255, 255, 255), 255, width + 2, False))
        else:
            _draw_line(painter, outline, _pen(casing, 150, width + 2, dashed))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    _draw_line(painter, outline, _pen(object_.colour, 255, width if smooth else 1, dashed))


def _draw_around(painter: QPainter, outline: Outline, zoom: float) -> None:
    """A thin line on every side of the outline: it takes a quarter of the time of a wide one below it."""
    pixel = 1 / zoom
    for dx, dy in ((pixel, 0.0), (-pixel, 0.0), (0.0, pixel), (0.0, -pixel)):
        painter.translate(dx, dy)
        painter.drawPath(outline.path)
        painter.translate(-dx, -dy)


def _draw_line(painter: QPainter, outline: Outline, pen: QPen) -> None:
    """Dashes go on from piece to piece."""
    painter.setPen(pen)
    if pen.widthF() <= 1:  # Qt's fast lines
        painter.drawPath(outline.path)
        return
    dashes = QPen(pen)
    scale = painter.deviceTransform().m11()
    for piece in outline.pieces:
        if piece.start and pen.style() is Qt.PenStyle.CustomDashLine:
            dashes.setDashOffset(piece.start * scale / pen.widthF())
            painter.setPen(dashes)
        painter.drawPath(piece.path)


@lru_cache(maxsize=512)
def _pen(colour: Colour, alpha: int, width: float, dashed: bool) -> QPen:
    pen = QPen(QColor(*colour, alpha), width)
    pen.setCosmetic(True)
    pen.setJoinStyle(Qt.PenJoinStyle.BevelJoin)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if dashed:
        pen.setDashPattern([6 / max(width, 1), 5 / max(width, 1)])
    return pen


@lru_cache(maxsize=512)
def _fill(colour: Colour, alpha: int) -> QBrush:
    return QBrush(QColor(*colour, alpha))


def contrast(colour: Colour) -> Colour:
    """Black or white, whichever stands out from a colour."""
    red, green, blue = colour
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 100 else (255, 255, 255)


# ---------------------------------------------------------------- labels and marks


def label_of(object_: CanvasObject) -> str:
    """Class name, and the score of a proposal."""
    if object_.state == "proposed" and object_.score is not None:
        return f"{object_.class_name} {object_.score:.2f}"
    return object_.class_name


def _draw_label(painter: QPainter, item: Item, viewport: Viewport) -> QRectF:
    object_ = item.object
    metrics = QFontMetricsF(painter.font())
    text = metrics.elidedText(label_of(object_), Qt.TextElideMode.ElideRight, LABEL_WIDTH - 8)
    corner = viewport.to_widget(item.box[0], item.box[1])
    width, height = metrics.horizontalAdvance(text) + 8, metrics.height() + 2
    # Above the object, inside it where the image ends. (Not where the widget ends: that moves while panning.)
    image = viewport.rect_to_widget((0, 0, *viewport.image))
    above = corner.y() - height - 3
    place = QRectF(
        max(image.left(), min(corner.x(), image.right() - width)),
        above if above >= image.top() - _RISE else corner.y() + 3,
        width,
        height,
    )
    ink = contrast(object_.colour)
    painter.setPen(QPen(QColor(*ink, 160), 1))
    painter.setBrush(QColor(*object_.colour))
    painter.drawRoundedRect(place, 3, 3)
    painter.setPen(QColor(*ink))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
    return place


def _draw_marks(painter: QPainter, object_: CanvasObject, place: QPointF) -> None:
    marks = [_padlock()] if object_.locked else []
    if object_.state == "corrected":
        marks.append(_pencil())
    for mark in marks:
        painter.setPen(QPen(QColor(255, 255, 255), 1))
        painter.setBrush(QColor(20, 20, 20))
        painter.drawEllipse(place, _MARK, _MARK)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(255, 255, 255))
        painter.drawPath(mark.translated(place))
        place = place + QPointF(2 * _MARK + 1, 0)


@lru_cache(maxsize=1)
def _padlock() -> QPainterPath:
    shackle = QPainterPath()
    shackle.addRoundedRect(QRectF(-2.6, -4.6, 5.2, 7), 2.6, 2.6)
    gap = QPainterPath()
    gap.addRoundedRect(QRectF(-1.3, -3.3, 2.6, 6), 1.3, 1.3)
    body = QPainterPath()
    body.addRoundedRect(QRectF(-3.6, -0.8, 7.2, 4.8), 1, 1)
    return shackle.subtracted(gap).united(body)


@lru_cache(maxsize=1)
def _pencil() -> QPainterPath:
    pencil = QPainterPath(QPointF(-3.8, 3.8))
    for x, y in ((-3.0, 1.0), (2.0, -4.0), (4.0, -2.0), (-1.0, 3.0)):
        pencil.lineTo(x, y)
    pencil.closeSubpath()
    return pencil
