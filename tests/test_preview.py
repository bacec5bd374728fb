"""Previews: masks and labels are where they belong, and can be seen on any background."""

from __future__ import annotations

import numpy as np
import pytest

from zsi_core.instances import Instances, rle
from zsi_core.preview import MAX_SIDE, MIN_SIDE, PALETTE, class_colours, draw_instances


def instances(masks: list[np.ndarray], names: list[str], size: tuple[int, int]) -> Instances:
    encoded = tuple(rle.encode(mask) for mask in masks)
    n = len(encoded)
    return Instances(
        boxes=rle.boxes(encoded),
        scores=np.linspace(0.9, 0.1, n, dtype=np.float32),
        names=tuple(names),
        masks=encoded,
        runner_up_names=("",) * n,
        runner_up_scores=np.zeros(n, np.float32),
        region_indices=np.full(n, -1),
        image_size=size,
    )


def rectangle(size: tuple[int, int], x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    mask = np.zeros(size, dtype=bool)
    mask[y1:y2, x1:x2] = True
    return mask


def grey(size: tuple[int, int], value: int = 128) -> np.ndarray:
    return np.full((*size, 3), value, dtype=np.uint8)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return (before != after).any(axis=2)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1000, 1200), (1000, 1200)),
        ((3000, 4000), (1200, 1600)),
        ((60, 120), (480, 960)),
        ((1, 1), (960, 960)),
        ((1, 5000), (1, 1600)),
    ],
)
def test_size_of_the_preview(size: tuple[int, int], expected: tuple[int, int]) -> None:
    drawn = draw_instances(grey(size), Instances.empty(size))
    assert drawn.shape == (*expected, 3)
    assert drawn.dtype == np.uint8
    assert MIN_SIDE <= max(drawn.shape) <= MAX_SIDE


def test_without_instances_the_photograph_stays_as_it_is() -> None:
    photograph = np.random.default_rng(0).integers(0, 255, (700, 1000, 3), dtype=np.uint8)
    before = photograph.copy()
    assert (draw_instances(photograph, Instances.empty((700, 1000))) == photograph).all()
    assert (photograph == before).all()


def test_the_mask_is_filled_with_the_colour_of_its_class_and_its_hole_is_not() -> None:
    size = (800, 1000)
    mask = rectangle(size, 200, 300, 600, 700)
    mask[450:550, 350:450] = False
    photograph = grey(size)
    drawn = draw_instances(photograph, instances([mask], ["cup"], size), {"cup": (255, 0, 0)})
    red, green, blue = drawn[600, 300].astype(int)
    assert red > 128 + 20
    assert green == blue < 128 - 20
    assert (drawn[500, 400] == 128).all()
    assert (drawn[750:, :] == 128).all()
    outside = changed(photograph, drawn) & ~mask
    outside[400:600, 300:500] = False  # the outline of the hole
    rows, columns = np.nonzero(outside)
    assert len(rows)
    assert rows.min() > 300 - 60  # the label is on top, the outline is thin
    assert rows.max() < 700 + 8
    assert columns.min() > 200 - 8
    assert columns.max() < 600 + 8


def test_masks_of_large_images_are_scaled_with_them() -> None:
    size = (2000, 3200)
    drawn = draw_instances(grey(size), instances([rectangle(size, 400, 800, 1200, 1600)], ["cup"], size))
    assert drawn.shape == (1000, 1600, 3)
    assert (drawn[600, 400] != 128).any()
    assert (drawn[600, 150:190] == 128).all()
    assert (drawn[600, 620:] == 128).all()


@pytest.mark.parametrize("background", [0, 128, 255])
def test_outline_and_label_stand_out_on_any_background(background: int) -> None:
    size = (700, 1000)
    for colour in PALETTE:
        found = instances([rectangle(size, 300, 300, 500, 500)], ["cup"], size)
        drawn = draw_instances(grey(size, background), found, {"cup": colour}).astype(int)
        outline = np.abs(drawn[400, 290:310] - background).max()
        assert outline > 80
        label = drawn[:300][changed(grey(size, background)[:300], drawn[:300])]
        luminance = label @ [0.299, 0.587, 0.114]
        assert np.ptp(luminance) > 80, "text and ground of the label are too alike"


def test_small_masks_lie_on_top_of_large_ones() -> None:
    size = (800, 1000)
    masks = [rectangle(size, 400, 300, 440, 340), rectangle(size, 100, 100, 900, 700)]
    colours = {"small": (255, 0, 0), "large": (0, 0, 255)}
    for order in ([0, 1], [1, 0]):
        found = instances([masks[i] for i in order], [["small", "large"][i] for i in order], size)
        drawn = draw_instances(grey(size), found, colours).astype(int)
        assert drawn[320, 420, 0] > drawn[600, 600, 0] + 30


def test_labels_of_one_place_do_not_cover_each_other() -> None:
    size = (800, 1000)
    masks = [rectangle(size, 500, 400, 520 + i, 420) for i in range(4)]
    names = ["a", "b", "c", "d"]
    colours = {name: (255, 40 * i, 0) for i, name in enumerate(names)}
    together = draw_instances(grey(size), instances(masks, names, size), colours)
    for i, name in enumerate(names):
        alone = instances(masks[i : i + 1], [name], size)
        ground = (draw_instances(grey(size), alone, colours) == colours[name]).all(axis=2).sum()
        # The outlines coincide and hide each other, the labels must not.
        assert (together == colours[name]).all(axis=2).sum() > 0.7 * ground


@pytest.mark.parametrize("place", [(0, 0, 6, 6), (994, 0, 1000, 6), (0, 794, 6, 800), (994, 794, 1000, 800)])
def test_labels_stay_inside_the_picture(place: tuple[int, int, int, int]) -> None:
    size = (800, 1000)
    centre = instances([rectangle(size, 497, 397, 503, 403)], ["wine glass"], size)
    corner = instances([rectangle(size, *place)], ["wine glass"], size)
    colours = {"wine glass": PALETTE[0]}
    ground = [
        (draw_instances(grey(size), f, colours) == PALETTE[0]).all(axis=2).sum() for f in (centre, corner)
    ]
    assert ground[1] > 0.9 * ground[0]


def test_a_label_wider_than_the_picture_and_an_empty_mask_are_drawn() -> None:
    size = (900, 3)
    found = instances([np.zeros(size, bool), rectangle(size, 0, 0, 3, 900)], ["a long name", "b"], size)
    assert draw_instances(grey(size), found).shape == (960, 3, 3)


def test_a_name_has_one_colour_and_names_differ() -> None:
    names = ["cup", "fork", "Cup", "spoon", "knife", "bowl", "plate", "mug"]
    colours = class_colours(names)
    assert list(colours) == ["cup", "fork", "spoon", "knife", "bowl", "plate", "mug"]
    assert len(set(colours.values())) == 7
    assert class_colours([str(i) for i in range(100)])["99"] in PALETTE


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"size of its instances \(3, 4\), but got \(4, 3\)"):
        draw_instances(grey((4, 3)), Instances.empty((3, 4)))
