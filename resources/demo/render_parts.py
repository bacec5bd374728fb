"""Render `parts_tray.jpg`: small machine parts on a tray, as a camera above a workbench would see them.

    python resources/demo/render_parts.py

Photographs of industrial parts that anybody may redistribute are hard to find, so this picture is computed.
The scene is a height map (one height per pixel, the camera looks straight down), which makes everything else
simple: normals are its gradient, shadows are found by walking over it towards the light, and metal mirrors a
room with soft boxes. The same seed gives the same picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

WIDTH, HEIGHT = 960, 640
SUPERSAMPLING = 2
SEED = 11

Field = np.ndarray  # float32 array over pixels


@dataclass(frozen=True)
class Material:
    """How a surface looks: colour, how much it mirrors, and how rough it is."""

    colour: tuple[float, float, float]
    metal: float
    roughness: float


STEEL = Material((0.72, 0.73, 0.75), 0.85, 0.10)
ZINC = Material((0.70, 0.72, 0.74), 0.70, 0.22)
BRASS = Material((0.86, 0.66, 0.30), 0.80, 0.12)
BLACK_OXIDE = Material((0.16, 0.16, 0.17), 0.55, 0.18)
TRAY = Material((0.20, 0.30, 0.36), 0.04, 0.60)
WOOD = Material((0.55, 0.38, 0.23), 0.02, 0.70)
MATERIALS = (TRAY, WOOD, STEEL, ZINC, BRASS, BLACK_OXIDE)


# ---------------------------------------------------------------- shapes: (x, y) -> height, 0 outside


def chamfered(distance: Field, top: float, edge: float) -> Field:
    """Height of a flat body from its signed distance (negative inside), with a rounded edge."""
    inside = np.clip(-distance / edge, 0, 1)
    rounded = np.sqrt(1 - (1 - inside) ** 2)
    return np.where(distance < 0, top - edge + edge * rounded, 0).astype(np.float32)


def hexagon(x: Field, y: Field, flat: float) -> Field:
    """Signed distance (exact inside) of a hexagon whose flats are `flat` away from the centre."""
    return np.max([np.abs(x * np.cos(a) + y * np.sin(a)) for a in np.radians((30, 90, 150))], 0) - flat


def hex_nut(size: float) -> Callable[[Field, Field], Field]:
    def height(x: Field, y: Field) -> Field:
        r = np.hypot(x, y)
        bore = 0.52 * size - r
        body = chamfered(np.maximum(hexagon(x, y, size), bore), 0.85 * size, 0.05 * size)
        cone = 0.85 * size - 0.55 * np.maximum(r - 0.96 * size, 0)  # the corners are turned down
        funnel = 0.85 * size - 0.9 * np.maximum(0.62 * size - r, 0)
        return np.where(body > 0, np.minimum(np.minimum(body, cone), funnel), 0)

    return height


def washer(radius: float) -> Callable[[Field, Field], Field]:
    def height(x: Field, y: Field) -> Field:
        r = np.hypot(x, y)
        return chamfered(np.maximum(r - radius, 0.52 * radius - r), 0.14 * radius, 0.05 * radius)

    return height


def hex_bolt(radius: float, length: float) -> Callable[[Field, Field], Field]:
    """A bolt that lies along x: hexagon head on the left, thread on the right half of the shank."""

    def height(x: Field, y: Field) -> Field:
        left, head, flat = -length / 2, 1.3 * radius, 1.65 * radius
        pitch = 0.42 * radius
        wave = np.abs(((x + 0.11 * y) / pitch) % 1 - 0.5) * 2  # 0 in the root, 1 on the crest
        threaded = x > left + head + 0.36 * length
        core = radius * np.where(threaded, 0.86 + 0.14 * np.minimum(1.5 * wave, 1), 1.0)
        core = core * np.where(
            x > length / 2 - 0.35 * radius, 1 - 0.5 * (x - length / 2 + 0.35 * radius) / radius, 1
        )
        on_shank = (np.abs(y) < core) & (x > left + head) & (x < length / 2)
        shank = np.where(on_shank, flat + np.sqrt(np.maximum(core**2 - y**2, 0)), 0)
        # the head is a hexagon prism on one of its flats: a flat top between two slopes
        slope = flat + np.minimum(flat, (2 / np.sqrt(3) * flat - np.abs(y)) * np.sqrt(3))
        into = np.minimum(x - left, left + head - x)
        ends = np.minimum(into / (0.16 * radius), 1)
        on_head = (into > 0) & (np.abs(y) < 2 / np.sqrt(3) * flat)
        block = np.where(on_head, np.maximum(slope - 0.16 * radius * (1 - ends), 0), 0)
        return np.maximum(shank, block)

    return height


def gear(radius: float, teeth: int) -> Callable[[Field, Field], Field]:
    def height(x: Field, y: Field) -> Field:
        r, angle = np.hypot(x, y), np.arctan2(y, x)
        tooth = np.clip(1.6 * np.cos(teeth * angle) + 0.15, -1, 1)
        edge = r - radius * (0.90 + 0.10 * tooth)
        holes = np.full_like(r, -1e9)
        for k in range(5):
            a = 2 * np.pi * k / 5
            holes = np.maximum(
                holes, 0.14 * radius - np.hypot(x - 0.5 * radius * np.cos(a), y - 0.5 * radius * np.sin(a))
            )
        keyway = 0.05 * radius - np.maximum(np.abs(x), np.abs(y - 0.17 * radius))
        cut = np.maximum(np.maximum(0.17 * radius - r, keyway), holes)
        body = chamfered(np.maximum(edge, cut), 0.30 * radius, 0.025 * radius)
        recess = 0.10 * radius * (smooth(0.27, 0.30, r / radius) - smooth(0.70, 0.73, r / radius))
        return np.where(body > 0, np.maximum(body - recess, 0.05 * radius), 0)

    return height


def ball_bearing(radius: float) -> Callable[[Field, Field], Field]:
    def height(x: Field, y: Field) -> Field:
        r, angle = np.hypot(x, y), np.arctan2(y, x)
        top = 0.42 * radius
        outer = chamfered(np.maximum(r - radius, 0.80 * radius - r), top, 0.05 * radius)
        inner = chamfered(np.maximum(r - 0.56 * radius, 0.36 * radius - r), top, 0.05 * radius)
        cage = np.where((r > 0.56 * radius) & (r < 0.80 * radius), 0.10 * radius, 0)
        step = 2 * np.pi / 9
        nearest = np.round(angle / step) * step
        ball = 0.115 * radius
        away = np.hypot(x - 0.68 * radius * np.cos(nearest), y - 0.68 * radius * np.sin(nearest))
        balls = np.where(away < ball, 0.20 * radius + np.sqrt(np.maximum(ball**2 - away**2, 0)), 0)
        return np.max([outer, inner, cage, balls], 0)

    return height


def smooth(low: float, high: float, value: Field) -> Field:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


# ---------------------------------------------------------------- the scene


@dataclass(frozen=True)
class Part:
    shape: Callable[[Field, Field], Field]
    reach: float
    material: Material
    name: str


def catalogue() -> list[Part]:
    """Every part of the picture, large ones first: they are placed in this order."""
    parts = [
        Part(gear(92, 24), 92, STEEL, "gear"),
        Part(gear(58, 16), 58, BRASS, "gear"),
        Part(ball_bearing(62), 62, STEEL, "ball bearing"),
        Part(ball_bearing(44), 44, STEEL, "ball bearing"),
    ]
    parts += [Part(hex_bolt(13, 150), 76, m, "bolt") for m in (ZINC, ZINC, BLACK_OXIDE, ZINC)]
    parts += [Part(hex_bolt(10, 100), 51, m, "bolt") for m in (ZINC, BLACK_OXIDE, BRASS)]
    parts += [Part(hex_nut(27), 32, m, "nut") for m in (ZINC, ZINC, BRASS, BLACK_OXIDE, ZINC)]
    parts += [Part(washer(30), 30, m, "washer") for m in (ZINC, BRASS, ZINC, STEEL)]
    parts += [Part(hex_nut(18), 22, m, "nut") for m in (ZINC, BRASS, ZINC, ZINC, BLACK_OXIDE)]
    parts += [Part(washer(21), 21, m, "washer") for m in (ZINC, ZINC, BRASS)]
    return parts


def place(parts: list[Part], rng: np.random.Generator) -> list[tuple[Part, float, float, float]]:
    """A position and a rotation for each part, such that no two of them touch and all lie in the tray."""
    placed: list[tuple[Part, float, float, float]] = []
    taken = np.zeros((HEIGHT, WIDTH), np.uint8)
    margin = 62
    taken[:margin] = taken[-margin:] = 1
    taken[:, :margin] = taken[:, -margin:] = 1
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    for part in parts:
        for _ in range(4000):
            x, y = rng.uniform(margin, WIDTH - margin), rng.uniform(margin, HEIGHT - margin)
            turn = rng.uniform(0, 2 * np.pi)
            footprint = (part.shape(*local(columns, rows, x, y, turn)) > 0).astype(np.uint8)
            grown = cv2.dilate(footprint, np.ones((13, 13), np.uint8))
            if footprint.any() and not (grown & taken).any():
                taken |= cv2.morphologyEx(footprint, cv2.MORPH_CLOSE, np.ones((31, 31), np.uint8))
                placed.append((part, x, y, turn))
                break
    return placed


def local(columns: Field, rows: Field, x: float, y: float, turn: float) -> tuple[Field, Field]:
    dx, dy = columns - x, rows - y
    return dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)


def build(rng: np.random.Generator) -> tuple[Field, np.ndarray, Field, np.ndarray]:
    """Height map, material index, brightness and lean of the surface, at the supersampled size."""
    s = SUPERSAMPLING
    rows, columns = (np.mgrid[: HEIGHT * s, : WIDTH * s].astype(np.float32) + 0.5) / s
    # tray: a floor inside a raised rim with round corners; a wooden bench around it
    qx, qy = np.abs(columns - WIDTH / 2) - (WIDTH / 2 - 60), np.abs(rows - HEIGHT / 2) - (HEIGHT / 2 - 60)
    box = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - 24
    rim = chamfered(np.maximum(box - 14, -box), 34, 6)
    bench = (box > 14).astype(np.float32)
    height = np.where(bench > 0, -10, rim).astype(np.float32)
    material = np.where(bench > 0, MATERIALS.index(WOOD), MATERIALS.index(TRAY))
    brightness = np.ones_like(height)
    lean = np.zeros((*height.shape, 2), np.float32)  # nothing lies perfectly flat

    grain = fractal(rng, height.shape, (3, 90))
    fine = fractal(rng, height.shape, (1, 40))
    rings = np.sin(10 * grain + rows * 0.05)
    brightness = np.where(bench > 0, 0.85 + 0.18 * rings + 0.25 * fine, brightness)
    leather = cv2.GaussianBlur(rng.normal(0, 1, height.shape).astype(np.float32), (0, 0), 1.6)
    height += np.where((bench == 0) & (rim == 0), 0.5 * leather, 0)

    for part, x, y, turn in place(catalogue(), rng):
        pad = int(part.reach + 8) * s
        cx, cy = int(x * s), int(y * s)
        window = np.s_[max(cy - pad, 0) : cy + pad, max(cx - pad, 0) : cx + pad]
        u, v = local(columns[window], rows[window], x, y, turn)
        h = part.shape(u, v)
        on = h > 0
        brushed = fractal(rng, h.shape, (2, 2)) * 0.10 + rng.normal(0, 0.02)
        height[window] = np.where(on, np.maximum(h, height[window]), height[window])
        material[window] = np.where(on, MATERIALS.index(part.material), material[window])
        brightness[window] = np.where(on, 1 + brushed, brightness[window])
        warp = np.stack([fractal(rng, h.shape, (4, 4)), fractal(rng, h.shape, (4, 4))], -1) * 0.035
        lean[window] = np.where(on[..., None], rng.normal(0, 0.045, 2) + warp, lean[window])
    return height, material, brightness, lean


def fractal(rng: np.random.Generator, shape: tuple[int, ...], stretch: tuple[int, int]) -> Field:
    """Noise with detail at several scales, about -1 to 1, drawn out along x or y by `stretch`."""
    total = np.zeros(shape, np.float32)
    for octave in range(4):
        size = (
            max(2, (shape[0] >> (5 - octave)) // stretch[0] + 2),
            max(2, (shape[1] >> (5 - octave)) * 2 // stretch[1] + 2),
        )
        layer = rng.normal(0, 1, size).astype(np.float32)
        total += cv2.resize(layer, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC) / 2 ** (octave + 1)
    return total


# ---------------------------------------------------------------- light


def shifted(field: Field, dx: float, dy: float) -> Field:
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return cv2.warpAffine(
        field,
        matrix,
        field.shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def visibility(height: Field, direction: np.ndarray, top: float) -> Field:
    """1 where a ray towards `direction` leaves the scene, 0 where something higher is in its way."""
    rise = direction[2] / np.hypot(direction[0], direction[1])
    ux, uy = direction[:2] / np.hypot(direction[0], direction[1])
    clear = np.ones_like(height)
    distance = 1.5
    while distance * rise < top:
        above = shifted(height, ux * distance, uy * distance) - height - distance * rise
        clear = np.minimum(clear, np.clip(1 - above / (0.06 * distance + 0.6), 0, 1))
        distance = distance * 1.16 + 0.8
    return clear


def sky(direction: np.ndarray) -> np.ndarray:
    """Light that arrives from `direction` (..., 3): a dim room, soft boxes, a tube, a window."""
    x, y, z = np.moveaxis(direction, -1, 0)
    room = 0.07 + 0.20 * np.clip(z, 0, 1) ** 2
    safe = np.maximum(z, 0.05)
    px, py = x / safe, y / safe  # where the ray meets the ceiling
    key = smooth(0.50, 0.36, np.maximum(np.abs(px + 0.62), np.abs(py + 0.72)))
    fill = smooth(0.55, 0.40, np.maximum(np.abs(px - 1.10) * 0.9, np.abs(py - 0.30) * 0.6))
    tube = smooth(0.07, 0.03, np.abs(px - 0.16 * py - 0.10)) * smooth(1.4, 1.1, np.abs(py))
    window = smooth(0.9, 0.5, np.abs(z - 0.35) * 4) * smooth(0.2, 0.6, -x) * smooth(0.6, 0.2, np.abs(y - 0.3))
    warm, cool = np.array([1.0, 0.96, 0.90]), np.array([0.86, 0.94, 1.0])
    return (
        room[..., None] * np.array([0.98, 0.99, 1.0])
        + 6.5 * key[..., None] * warm
        + 0.9 * fill[..., None] * cool
        + 1.6 * tube[..., None] * cool
        + 0.8 * window[..., None] * cool
    )


def hemisphere(count: int) -> np.ndarray:
    """Directions of a Fibonacci spiral over the upper half sphere, weighted evenly by solid angle."""
    k = np.arange(count)
    z = (k + 0.5) / count * 0.96 + 0.03
    angle = k * np.pi * (3 - np.sqrt(5))
    return np.stack([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z], -1)


def render(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    height, index, brightness, lean = build(rng)
    scaled = height * SUPERSAMPLING
    gy, gx = np.gradient(cv2.GaussianBlur(scaled, (0, 0), 0.8))
    normal = np.stack([-gx, -gy, np.ones_like(gx)], -1)
    normal[..., :2] += lean
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    rows, columns = np.mgrid[: height.shape[0], : height.shape[1]].astype(np.float32)
    eye = np.array([WIDTH * 0.5, HEIGHT * 0.5, 1100], np.float32) * SUPERSAMPLING
    view = eye - np.stack([columns, rows, np.zeros_like(rows)], -1)
    view /= np.linalg.norm(view, axis=-1, keepdims=True)

    diffuse = np.zeros((*height.shape, 3), np.float32)
    open_sky = np.zeros_like(height)
    top = float(scaled.max() - scaled.min())
    directions = hemisphere(220)
    for direction in directions:
        seen = visibility(scaled, direction, top)
        facing = np.clip(normal @ direction, 0, None) * seen
        diffuse += (facing[..., None] * sky(direction) * (2 / len(directions))).astype(np.float32)
        open_sky += seen * float(direction[2]) * 2 / len(directions)

    colour = np.array([m.colour for m in MATERIALS], np.float32)[index]
    metal = np.array([m.metal for m in MATERIALS], np.float32)[index][..., None]
    roughness = np.array([m.roughness for m in MATERIALS], np.float32)[index][..., None]

    mirrored = np.zeros_like(diffuse)
    samples = 12
    for _ in range(samples):
        jitter = cv2.GaussianBlur(rng.normal(0, 1, normal.shape).astype(np.float32), (0, 0), 0.7) * 1.6
        facet = normal + jitter * roughness
        facet /= np.linalg.norm(facet, axis=-1, keepdims=True)
        ray = 2 * (facet * view).sum(-1, keepdims=True) * facet - view
        mirrored += (sky(ray) * (ray[..., 2:] > 0) + 0.10 * (ray[..., 2:] <= 0)).astype(np.float32) / samples
    mirrored *= np.clip(0.15 + 0.95 * open_sky, 0, 1)[..., None]

    colour = colour * brightness[..., None]
    light = colour * diffuse * (1 - 0.75 * metal) + (metal * colour + 0.03 * (1 - metal)) * mirrored
    light = cv2.resize(light, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return develop(light, rng)


def develop(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """From scene light to a photograph: a slight tilt, glow, falling-off corners, grain, tone curve."""
    corners = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    towards = np.array([[-6, -10], [WIDTH + 14, 2], [WIDTH + 4, HEIGHT + 16], [-20, HEIGHT + 6]], np.float32)
    light = cv2.warpPerspective(
        light,
        cv2.getPerspectiveTransform(corners, towards),
        (WIDTH, HEIGHT),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )
    glow = cv2.GaussianBlur(np.maximum(light - 0.9, 0), (0, 0), 9)
    light = cv2.GaussianBlur(light, (0, 0), 0.55) + 0.12 * glow
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    radius = np.hypot((columns - WIDTH / 2) / WIDTH, (rows - HEIGHT / 2) / HEIGHT)
    light = np.clip(light, 0, None) * (1 - 0.5 * radius**2)[..., None]
    light = light + rng.normal(0, 1, light.shape) * np.sqrt(0.00012 * light + 0.00002)
    tone = 1 - np.exp(-1.45 * np.clip(light, 0, None))
    return (np.clip(tone, 0, 1) ** (1 / 1.75) * 255 + 0.5).astype(np.uint8)


if __name__ == "__main__":
    target = Path(__file__).parent / "parts_tray.jpg"
    Image.fromarray(render(SEED)).save(target, quality=88, optimize=True)
    print(f"wrote {target}")
