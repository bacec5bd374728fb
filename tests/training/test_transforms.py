"""Random views: image, boxes and masks must keep telling the same story."""

from __future__ import annotations

import numpy as np
import pytest

from training.transforms import LEAST_VISIBLE, SMALLEST_SIDE, View, random_colour, random_view

CANVAS = 96
SIZES = [(80, 120), (300, 200), (40, 50), (701, 633)]  # height, width; larger and smaller than the canvas
SCALES = (0.5, 2.0)


def views(count: int, sizes: list[tuple[int, int]] = SIZES):
    """(height, width, seeded random view) of photographs of all sizes, flipped and not."""
    for seed in range(count):
        height, width = sizes[seed % len(sizes)]
        yield height, width, random_view(height, width, CANVAS, SCALES, np.random.default_rng(seed))


def flipped(view: View) -> bool:
    return bool(view.matrix[0, 0] < 0)


def fixed_view(scale: float = 1.0, left: float = 0.0, top: float = 0.0, side: int = CANVAS) -> View:
    return View(np.array([[scale, 0, -left], [0, scale, -top]]), (side, side), side)


def bounds(mask: np.ndarray) -> np.ndarray:
    """x1, y1, x2, y2 of the pixels of a mask."""
    y, x = np.nonzero(mask)
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1], dtype=float)


def some_box(height: int, width: int, seed: int) -> np.ndarray:
    """x1, y1, x2, y2 in whole pixels."""
    rng = np.random.default_rng(seed)
    x1, y1 = rng.integers(0, width // 2), rng.integers(0, height // 2)
    return np.array([x1, y1, rng.integers(x1 + 10, width + 1), rng.integers(y1 + 10, height + 1)])


def filled(height: int, width: int, box: np.ndarray) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def test_the_box_of_a_mask_is_where_the_box_goes() -> None:
    errors: dict[bool, list[np.ndarray]] = {False: [], True: []}
    for seed, (height, width, view) in enumerate(views(200)):
        box = some_box(height, width, seed)
        moved, worth = view.boxes(box[None].astype(np.float32))
        if worth[0]:
            errors[flipped(view)].append(bounds(view.mask(filled(height, width, box))) - moved[0])
    for found in errors.values():
        assert len(found) > 50
        assert np.abs(found).max() <= 1.0
        assert np.abs(np.mean(found, axis=0)).max() < 0.1, "a shift to one side"


def test_the_image_is_where_the_mask_is() -> None:
    differences: dict[bool, list[np.ndarray]] = {False: [], True: []}
    for seed, (height, width, view) in enumerate(views(100)):
        mask = filled(height, width, some_box(height, width, seed))
        photograph = np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
        image, moved = view.image(photograph)[: view.size[0], : view.size[1], 0] / 255, view.mask(mask)
        moved = moved[: view.size[0], : view.size[1]]
        if moved.sum() < 100:
            continue
        rim = max(0.6, 0.3 * view.matrix[1, 1])  # soft edges: enlarged pixels blend into one another
        assert np.abs(image - moved).sum() < rim * perimeter(moved)
        at = np.indices(image.shape)
        differences[flipped(view)].append(
            (at * image).sum((1, 2)) / image.sum() - (at * moved).sum((1, 2)) / moved.sum()
        )
    for found in differences.values():
        assert len(found) > 30
        assert np.abs(np.mean(found, axis=0)).max() < 0.1, "a shift to one side"


def perimeter(mask: np.ndarray) -> float:
    x1, y1, x2, y2 = bounds(mask)
    return 2 * (x2 - x1 + y2 - y1)


def test_a_flip_without_scaling_moves_whole_pixels() -> None:
    pixels = np.arange(CANVAS * CANVAS * 3, dtype=np.uint32).astype(np.uint8).reshape(CANVAS, CANVAS, 3)
    view = View(np.array([[-1.0, 0.0, CANVAS], [0.0, 1.0, 0.0]]), (CANVAS, CANVAS), CANVAS)
    assert np.array_equal(view.image(pixels), pixels[:, ::-1])
    assert np.array_equal(view.mask(pixels[..., 0] > 99), pixels[:, ::-1, 0] > 99)
    assert view.boxes(np.array([[0.0, 5.0, 10.0, 20.0]]))[0].tolist() == [[86.0, 5.0, 96.0, 20.0]]


def test_a_crop_without_scaling_cuts_whole_pixels() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (150, 200, 3), dtype=np.uint8)
    view = fixed_view(left=7, top=11)
    assert np.array_equal(view.image(pixels), pixels[11 : 11 + CANVAS, 7 : 7 + CANVAS])


def test_what_the_photograph_does_not_cover_is_grey() -> None:
    for height, width, view in views(40):
        image = view.image(np.zeros((height, width, 3), dtype=np.uint8))
        assert image.shape == (CANVAS, CANVAS, 3)
        assert image.dtype == np.uint8
        assert (image[view.size[0] :] == 127).all()
        assert (image[:, view.size[1] :] == 127).all()
        assert (image[: view.size[0], : view.size[1]] == 0).all(), "no grey rim"


def test_views_stay_on_the_canvas_and_in_the_range_of_scales() -> None:
    factors, flips, places = [], 0, set()
    for height, width, view in views(200):
        assert 1 <= view.size[0] <= CANVAS
        assert 1 <= view.size[1] <= CANVAS
        corners, _ = view.boxes(np.array([[0.0, 0.0, width, height]]))
        assert np.abs(corners[0] - [0, 0, view.size[1], view.size[0]]).max() <= 0.5, "padding inside"
        factors.append(view.matrix[1, 1] * max(height, width) / CANVAS)
        flips += flipped(view)
        places.add(view.matrix[1, 2])
    assert min(factors) >= SCALES[0]
    assert max(factors) <= SCALES[1]
    assert min(factors) < 0.6, "small scales come up"
    assert max(factors) > 1.7, "large scales come up"
    assert 60 < flips < 140
    assert len(places) > 20, "crops differ"


def test_views_are_seeded() -> None:
    first, second = (random_view(80, 120, CANVAS, SCALES, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.matrix, second.matrix)


@pytest.mark.parametrize("size", [(1, 4000), (4000, 1), (1, 1), (2, 900)])
def test_extreme_photographs(size: tuple[int, int]) -> None:
    for _, _, view in views(10, [size]):
        assert min(view.size) >= 1
        assert view.image(np.full((*size, 3), 200, dtype=np.uint8)).shape == (CANVAS, CANVAS, 3)
        assert view.mask(np.ones(size, dtype=bool)).shape == (CANVAS, CANVAS)


@pytest.mark.parametrize("scale", [0.3, 0.2, 0.11])
def test_shrinking_does_not_alias(scale: float) -> None:
    stripes = np.zeros((400, 400, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    inside = fixed_view(scale, side=40).image(stripes)[2:-2, 2:-2]
    assert abs(float(inside.mean()) - 127.5) < 3
    assert inside.std() < 30, "alternating stripes are grey from afar"


def test_boxes_that_are_not_worth_teaching() -> None:
    view = fixed_view(side=100)
    boxes = np.array(
        [
            [10, 10, 40, 40],  # whole
            [-69, 10, 31, 40],  # 31 % left
            [-71, 10, 29, 40],  # 29 % left
            [10, 10, 10 + SMALLEST_SIDE, 40],
            [10, 10, 9.9 + SMALLEST_SIDE, 40],  # too thin
            [10, 10, 10, 40],  # no area
            [120, 120, 150, 150],  # outside
        ],
        dtype=np.float32,
    )
    assert pytest.approx(0.3) == LEAST_VISIBLE
    moved, worth = view.boxes(boxes)
    assert worth.tolist() == [True, True, False, True, False, False, False]
    assert moved[1].tolist() == [0, 10, 31, 40]
    assert moved[6].tolist() == [100, 100, 100, 100]
    assert moved.dtype == np.float32


def test_no_boxes() -> None:
    moved, worth = fixed_view().boxes(np.zeros((0, 4), dtype=np.float32))
    assert moved.shape == (0, 4)
    assert worth.shape == (0,)


def test_colours_change_within_their_bounds() -> None:
    grey = np.full((8, 8, 3), 100, dtype=np.uint8)
    levels = [random_colour(grey, np.random.default_rng(seed)) for seed in range(50)]
    assert all(image.shape == grey.shape and image.dtype == np.uint8 for image in levels)
    assert all(np.ptp(image) <= 1 for image in levels), "a grey image stays grey"
    means = [image.mean() for image in levels]
    assert 74 <= min(means) < 85
    assert 115 < max(means) <= 125
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    changed = [random_colour(noise, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(changed[0], changed[1])
    assert not np.array_equal(changed[0], changed[2])


def test_saturation_changes_apart_from_brightness_and_contrast() -> None:
    image = np.full((2, 2, 3), 100, dtype=np.uint8)
    image[1] = 140
    image[:, 1] += np.array([19, 0, -56], dtype=np.int16).astype(np.uint8)  # a tint of the same luminance
    factors = []
    for seed in range(40):
        found = random_colour(image, np.random.default_rng(seed)).astype(float)
        contrast = (found[1, 0] - found[0, 0]).mean() / 40
        tint = (found[:, 1, 0] - found[:, 1, 2]).mean() / 75
        factors.append(tint / contrast)
    assert 0.7 < min(factors) < 0.85
    assert 1.15 < max(factors) < 1.3
