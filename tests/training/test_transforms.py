"""Random views: image, boxes and masks must keep telling the same story."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.transforms import (
    LEAST_VISIBLE,
    SMALLEST_SIDE,
    View,
    best_canvas,
    fitted_view,
    random_colour,
    random_view,
    useful_size,
)
from zsi_core.instances.rle import encode

CANVASES = [(96, 96), (80, 112)]  # height, width
SIZES = [(80, 120), (300, 200), (40, 50), (701, 633)]  # height, width; larger and smaller than the canvas
SCALES = (0.5, 2.0)


def views(count: int, sizes: list[tuple[int, int]] = SIZES):
    """(height, width, seeded random view) of photographs of all sizes, flipped and not."""
    for seed in range(count):
        size, canvas = sizes[seed % len(sizes)], CANVASES[seed // 2 % 2]
        yield *size, random_view(size, canvas, SCALES, np.random.default_rng(seed))


def flipped(view: View) -> bool:
    return bool(view.matrix[0, 0] < 0)


def fixed_view(
    photograph: tuple[int, int], scale: float = 1.0, left: float = 0.0, top: float = 0.0, side: int = 96
) -> View:
    return View(np.array([[scale, 0, -left], [0, scale, -top]]), (side, side), (side, side), photograph)


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
            errors[flipped(view)].append(bounds(view.mask(encode(filled(height, width, box)))) - moved[0])
    for found in errors.values():
        assert len(found) > 50
        assert np.abs(found).max() <= 1.0
        assert np.abs(np.mean(found, axis=0)).max() < 0.1, "a shift to one side"


def test_the_image_is_where_the_mask_is() -> None:
    differences: dict[bool, list[np.ndarray]] = {False: [], True: []}
    for seed, (height, width, view) in enumerate(views(100)):
        mask = filled(height, width, some_box(height, width, seed))
        photograph = np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
        image, moved = (
            view.image(photograph)[: view.size[0], : view.size[1], 0] / 255,
            view.mask(encode(mask)),
        )
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
    pixels = np.arange(96 * 96 * 3, dtype=np.uint32).astype(np.uint8).reshape(96, 96, 3)
    view = View(np.array([[-1.0, 0.0, 96], [0.0, 1.0, 0.0]]), (96, 96), (96, 96), (96, 96))
    assert np.array_equal(view.image(pixels), pixels[:, ::-1])
    assert np.array_equal(view.mask(encode(pixels[..., 0] > 99)), pixels[:, ::-1, 0] > 99)
    assert view.boxes(np.array([[0.0, 5.0, 10.0, 20.0]]))[0].tolist() == [[86.0, 5.0, 96.0, 20.0]]


@pytest.mark.parametrize("share", [0.0, 0.003, 0.3, 0.9, 1.0])
def test_a_mask_of_any_shape_arrives_whole(share: float) -> None:
    """Empty, scattered, dense and full ones, reaching the borders or not."""
    rng = np.random.default_rng(3)
    mask = rng.random((70, 90)) < share
    mask[:, :5] &= share == 1.0
    view = View(np.array([[1.0, 0.0, -4.0], [0.0, 1.0, 6.0]]), (76, 86), (96, 96), (70, 90))
    expected = np.zeros((96, 96), dtype=np.uint8)
    expected[6:76, :86] = mask[:, 4:]
    found = view.mask(encode(mask))
    assert found.dtype == np.uint8
    assert np.array_equal(found, expected)


def test_a_crop_without_scaling_cuts_whole_pixels() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (150, 200, 3), dtype=np.uint8)
    view = fixed_view((150, 200), left=7, top=11)
    assert np.array_equal(view.image(pixels), pixels[11 : 11 + 96, 7 : 7 + 96])


def test_what_the_photograph_does_not_cover_is_grey() -> None:
    for height, width, view in views(40):
        image = view.image(np.zeros((height, width, 3), dtype=np.uint8))
        assert image.shape == (*view.canvas, 3)
        assert image.dtype == np.uint8
        assert (image[view.size[0] :] == 127).all()
        assert (image[:, view.size[1] :] == 127).all()
        assert (image[: view.size[0], : view.size[1]] == 0).all(), "no grey rim"


def test_views_stay_on_the_canvas_and_in_the_range_of_scales() -> None:
    factors, flips, places = [], 0, set()
    for height, width, view in views(200):
        assert 1 <= view.size[0] <= view.canvas[0]
        assert 1 <= view.size[1] <= view.canvas[1]
        corners, _ = view.boxes(np.array([[0.0, 0.0, width, height]]))
        assert np.abs(corners[0] - [0, 0, view.size[1], view.size[0]]).max() <= 0.5, "padding inside"
        factors.append(view.matrix[1, 1] * max(height / view.canvas[0], width / view.canvas[1]))
        flips += flipped(view)
        places.add(view.matrix[1, 2])
    assert min(factors) >= SCALES[0] - 1e-9
    assert max(factors) <= SCALES[1] + 1e-9
    assert min(factors) < 0.6, "small scales come up"
    assert max(factors) > 1.7, "large scales come up"
    assert 60 < flips < 140
    assert len(places) > 20, "crops differ"


def test_views_are_seeded() -> None:
    first, second = (random_view((80, 120), (96, 96), SCALES, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.matrix, second.matrix)


@pytest.mark.parametrize("size", [(1, 4000), (4000, 1), (1, 1), (2, 900)])
def test_extreme_photographs(size: tuple[int, int]) -> None:
    for _, _, view in views(10, [size]):
        assert min(view.size) >= 1
        assert view.image(np.full((*size, 3), 200, dtype=np.uint8)).shape == (*view.canvas, 3)
        assert view.mask(encode(np.ones(size, dtype=bool))).shape == view.canvas


@pytest.mark.parametrize("scale", [0.3, 0.2, 0.11])
def test_shrinking_does_not_alias(scale: float) -> None:
    stripes = np.zeros((400, 400, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    inside = fixed_view((400, 400), scale, side=40).image(stripes)[2:-2, 2:-2]
    assert abs(float(inside.mean()) - 127.5) < 3
    assert inside.std() < 30, "alternating stripes are grey from afar"


def test_boxes_that_are_not_worth_teaching() -> None:
    view = fixed_view((100, 100), side=100)
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


def test_how_much_must_be_visible_can_be_asked_for() -> None:
    view = fixed_view((100, 100), side=100)
    boxes = np.array([[-20, 10, 30, 40], [-30, 10, 29, 40]], dtype=np.float32)  # 60 and 49 % left
    assert view.boxes(boxes, 0.5)[1].tolist() == [True, False]


def test_no_boxes() -> None:
    moved, worth = fixed_view((80, 80)).boxes(np.zeros((0, 4), dtype=np.float32))
    assert moved.shape == (0, 4)
    assert worth.shape == (0,)


def test_colours_change_within_their_bounds() -> None:
    grey = np.full((8, 8, 3), 100, dtype=np.uint8)
    levels = [random_colour(grey, 0.25, np.random.default_rng(seed)) for seed in range(50)]
    assert all(image.shape == grey.shape and image.dtype == np.uint8 for image in levels)
    assert all(np.ptp(image) <= 1 for image in levels), "a grey image stays grey"
    means = [image.mean() for image in levels]
    assert 74 <= min(means) < 85
    assert 115 < max(means) <= 125
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    changed = [random_colour(noise, 0.25, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(changed[0], changed[1])
    assert not np.array_equal(changed[0], changed[2])


def test_saturation_changes_apart_from_brightness_and_contrast() -> None:
    image = np.full((2, 2, 3), 100, dtype=np.uint8)
    image[1] = 140
    image[:, 1] += np.array([19, 0, -56], dtype=np.int16).astype(np.uint8)  # a tint of the same luminance
    factors = []
    for seed in range(40):
        found = random_colour(image, 0.25, np.random.default_rng(seed)).astype(float)
        contrast = (found[1, 0] - found[0, 0]).mean() / 40
        tint = (found[:, 1, 0] - found[:, 1, 2]).mean() / 75
        factors.append(tint / contrast)
    assert 0.7 < min(factors) < 0.85
    assert 1.15 < max(factors) < 1.3


# ---------------------------------------------------------------- canvases and resolutions


def test_an_image_goes_where_it_comes_out_largest() -> None:
    canvases = [(800, 1333), (1333, 800), (1000, 1000)]
    assert best_canvas((480, 640), canvases) == (800, 1333)
    assert best_canvas((640, 480), canvases) == (1333, 800)
    assert best_canvas((500, 520), canvases) == (1000, 1000)
    assert best_canvas((500, 500), canvases[:2]) == (800, 1333), "the first of equals"


@pytest.mark.parametrize(
    ("photograph", "size"),
    [((480, 640), (800, 1067)), ((480, 1280), (500, 1333)), ((1200, 900), (1067, 800))],
)
def test_the_resizing_of_the_paper(photograph: tuple[int, int], size: tuple[int, int]) -> None:
    """Fit into 1333 x 800, aspect kept, flip every other time, nothing else."""
    canvas = best_canvas(photograph, [(800, 1333), (1333, 800)])
    flips = 0
    for seed in range(100):
        view = fitted_view(photograph, canvas, np.random.default_rng(seed))
        assert view.size == view.canvas == size
        assert abs(view.matrix[0, 0]) == view.matrix[1, 1] == pytest.approx(size[0] / photograph[0], rel=2e-3)
        corners, _ = view.boxes(np.array([[0.0, 0.0, photograph[1], photograph[0]]]))
        assert np.abs(corners[0] - [0, 0, size[1], size[0]]).max() <= 0.5
        flips += flipped(view)
    assert 30 < flips < 70


def test_no_view_needs_more_than_the_useful_size() -> None:
    for seed, (height, width, view) in enumerate(views(60)):
        kept = useful_size((height, width), view.canvas, SCALES[1])
        assert kept[0] <= height
        assert kept[1] <= width
        largest = random_view((height, width), view.canvas, (SCALES[1],) * 2, np.random.default_rng(seed))
        assert kept[0] == min(height, round(height * largest.matrix[1, 1]))


def test_a_smaller_copy_of_the_photograph_lies_where_the_photograph_lies() -> None:
    """Whatever its resolution, and though its sides are rounded."""
    shifts: dict[bool, list[np.ndarray]] = {False: [], True: []}
    for seed, (height, width, view) in enumerate(views(80, [(300, 200), (701, 633)])):
        mask = filled(height, width, some_box(height, width, seed))
        photograph = np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
        kept = (round(height / 2.3), round(width / 2.3))
        smaller = cv2.resize(photograph, kept[::-1], interpolation=cv2.INTER_AREA)
        first, second = (
            view.image(pixels)[: view.size[0], : view.size[1], 0] / 255 for pixels in (photograph, smaller)
        )
        if first.sum() < 100:
            continue
        at = np.indices(first.shape)
        shifts[flipped(view)].append(
            (at * first).sum((1, 2)) / first.sum() - (at * second).sum((1, 2)) / second.sum()
        )
    for found in shifts.values():
        assert len(found) > 15
        assert np.abs(found).max() < 0.5
        assert np.abs(np.mean(found, axis=0)).max() < 0.05, "a shift to one side"
