"""Photographs of every kind become upright 8-bit RGB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zsi_core.errors import ImageError
from zsi_core.images import (
    image_size,
    image_suffixes,
    read_image,
    read_preview,
)

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def quadrants(size: int = 8) -> np.ndarray:
    """(2 size, 3 size, 3) picture with red, green, blue and white corners: no two orientations look alike."""
    picture = np.zeros((2 * size, 3 * size, 3), dtype=np.uint8)
    half = 3 * size // 2
    picture[:size, :half], picture[:size, half:] = RED, GREEN
    picture[size:, :half], picture[size:, half:] = BLUE, WHITE
    return picture


def kinds() -> dict[str, tuple[Image.Image, tuple[int, int, int]]]:
    """Name -> (image of one colour, the RGB that it must be read as)."""
    palette = Image.new("P", (3, 2), 1)
    palette.putpalette([0, 0, 0, *RED])
    see_through = palette.copy()
    see_through.info["transparency"] = 1
    rgb_key = Image.new("RGB", (3, 2), GREEN)
    rgb_key.info["transparency"] = GREEN
    return {
        "RGB": (Image.new("RGB", (3, 2), (10, 20, 30)), (10, 20, 30)),
        "grey": (Image.new("L", (3, 2), 77), (77, 77, 77)),
        "1-bit": (Image.new("1", (3, 2), 1), WHITE),
        "palette": (palette, RED),
        "palette with a transparent colour": (see_through, WHITE),
        "RGB with a transparent colour": (rgb_key, WHITE),
        "opaque alpha": (Image.new("RGBA", (3, 2), (10, 20, 30, 255)), (10, 20, 30)),
        "transparent alpha": (Image.new("RGBA", (3, 2), (10, 20, 30, 0)), WHITE),
        "half alpha": (Image.new("RGBA", (3, 2), (0, 0, 0, 128)), (127, 127, 127)),
        "grey with alpha": (Image.new("LA", (3, 2), (77, 0)), WHITE),
    }


@pytest.mark.parametrize("kind", kinds())
def test_kinds_of_pixels(tmp_path: Path, kind: str) -> None:
    image, expected = kinds()[kind]
    path = tmp_path / "picture.png"
    image.save(path, transparency=image.info.get("transparency"))
    pixels = read_image(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (2, 3, 3)
    assert (pixels == expected).all()


def test_cmyk(tmp_path: Path) -> None:
    for name in ("cmyk.tif", "cmyk.jpg"):
        Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / name)
        assert np.abs(read_image(tmp_path / name).astype(int) - RED).max() <= 3


def test_lab(tmp_path: Path) -> None:
    Image.new("LAB", (4, 4), (255, 128, 128)).save(tmp_path / "lab.tif")
    assert read_image(tmp_path / "lab.tif").min() >= 250


def ramp(dtype: type, low: float, high: float) -> np.ndarray:
    return np.linspace(low, high, 100 * 100).reshape(100, 100).astype(dtype)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("16 bits.png", ramp(np.uint16, 1000, 5000)),
        ("16 bits.tif", ramp(np.uint16, 0, 65535)),
        ("12 bits.tif", ramp(np.uint16, 0, 4095)),
        ("big-endian.tif", ramp(">u2", 300, 4095)),
        ("signed.tif", ramp(np.int32, -100_000, 100_000)),
        ("float.tif", ramp(np.float32, 0, 1)),
        ("temperature.tif", ramp(np.float32, 273.1, 310.9)),
    ],
)
def test_wide_grey_values_are_stretched(tmp_path: Path, name: str, values: np.ndarray) -> None:
    Image.fromarray(values).save(tmp_path / name)
    pixels = read_image(tmp_path / name)
    grey = pixels[..., 0].ravel().astype(int)
    assert (pixels == pixels[..., :1]).all()
    assert (grey[0], grey[-1]) == (0, 255)
    assert (np.diff(grey) >= 0).all()
    assert abs(grey[5000] - 127) <= 1


def test_a_few_hot_pixels_do_not_darken_a_16_bit_image(tmp_path: Path) -> None:
    values = ramp(np.uint16, 1000, 2000)
    values[50, 50:60] = 65535
    Image.fromarray(values).save(tmp_path / "hot.png")
    grey = read_image(tmp_path / "hot.png")[..., 0]
    assert abs(int(grey[50, 20]) - 128) <= 3
    assert (grey[50, 50:60] == 255).all()


def test_float_image_with_nan_and_infinity(tmp_path: Path) -> None:
    values = ramp(np.float32, 0, 1)
    values[0, :2] = np.nan, np.inf
    Image.fromarray(values).save(tmp_path / "nan.tif")
    grey = read_image(tmp_path / "nan.tif")[..., 0]
    assert grey[0, 0] == grey[0, 1] == 0
    assert grey[-1, -1] == 255


@pytest.mark.parametrize("value", [0.0, 7.5, np.nan])
def test_flat_float_image_is_black(tmp_path: Path, value: float) -> None:
    Image.fromarray(np.full((3, 4), value, dtype=np.float32)).save(tmp_path / "flat.tif")
    assert (read_image(tmp_path / "flat.tif") == 0).all()


def test_two_values_that_percentiles_miss_still_show(tmp_path: Path) -> None:
    values = np.zeros((100, 100), dtype=np.uint16)
    values[3, 4] = 9
    Image.fromarray(values).save(tmp_path / "dot.png")
    grey = read_image(tmp_path / "dot.png")[..., 0]
    assert grey[3, 4] == 255
    assert grey.sum() == 255


def test_first_frame_counts(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (5, 4), colour) for colour in (RED, GREEN, BLUE)]
    for name in ("frames.gif", "frames.tif", "frames.png", "frames.webp"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
        assert (read_image(tmp_path / name) == RED).all(), name


def test_one_pixel(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), RED).save(tmp_path / "dot.png")
    Image.fromarray(np.array([[500]], dtype=np.uint16)).save(tmp_path / "deep dot.png")
    assert read_image(tmp_path / "dot.png").tolist() == [[list(RED)]]
    assert read_image(tmp_path / "deep dot.png").shape == (1, 1, 3)
    assert image_size(tmp_path / "dot.png") == (1, 1)


def test_very_large_image(tmp_path: Path) -> None:
    Image.new("1", (8000, 6000), 1).save(tmp_path / "large.png")
    assert image_size(tmp_path / "large.png") == (8000, 6000)
    pixels = read_image(tmp_path / "large.png")
    assert pixels.shape == (6000, 8000, 3)
    assert pixels[-1, -1].tolist() == list(WHITE)


def test_pixels_may_be_written_to(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    pixels = read_image(tmp_path / "a.png")
    pixels[0, 0] = 1
    assert pixels[0, 0, 0] == 1


FORMATS = "avif bmp dds dib gif icns ico jp2 jpg mpo pcx png ppm qoi sgi tga tif webp"


@pytest.mark.parametrize("suffix", FORMATS.split())
def test_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    picture = Image.fromarray(quadrants(64)).resize((128, 128), Image.Resampling.NEAREST)
    options = {"sizes": [(128, 128)]} if suffix == "ico" else {}
    picture.save(path, **options)
    pixels = read_image(path)
    height, width = pixels.shape[:2]
    assert image_size(path) == (width, height)
    for (row, column), colour in zip(
        [(0, 0), (0, -1), (-1, 0), (-1, -1)], [RED, GREEN, BLUE, WHITE], strict=True
    ):
        assert np.abs(pixels[row, column].astype(int) - colour).max() <= 20
    assert f".{suffix}" in image_suffixes()


# How a viewer must turn the stored pixels, by the definition of the EXIF tag.
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"turned{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {".webp": {"lossless": True}, ".jpg": {"quality": 95}, ".avif": {"quality": 95}}
    Image.fromarray(quadrants()).save(path, exif=exif, **lossless.get(suffix, {}))
    expected = UPRIGHT[orientation](quadrants())
    pixels = read_image(path)
    assert image_size(path) == (expected.shape[1], expected.shape[0])
    assert pixels.shape == expected.shape
    corners = np.ix_([1, -2], [1, -2])
    assert np.abs(pixels[corners].astype(int) - expected[corners]).max() <= 40


def test_orientation_of_a_16_bit_image(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.uint16).reshape(2, 3) * 1000
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(values).save(tmp_path / "deep.png", exif=exif)
    assert image_size(tmp_path / "deep.png") == (2, 3)
    assert read_image(tmp_path / "deep.png")[..., 0].argmax() == np.rot90(values, -1).argmax()


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"\0"])
def test_broken_exif_of_a_sound_image(tmp_path: Path, exif: bytes) -> None:
    Image.fromarray(quadrants()).save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").shape == quadrants().shape
    assert image_size(tmp_path / "a.jpg") == (24, 16)


def test_orientation_that_does_not_exist(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    Image.fromarray(quadrants()).save(tmp_path / "a.png", exif=exif)
    assert (read_image(tmp_path / "a.png") == quadrants()).all()


@pytest.mark.parametrize("kind", kinds())
def test_preview_of_every_kind_of_pixels(tmp_path: Path, kind: str) -> None:
    image, expected = kinds()[kind]
    path = tmp_path / "picture.png"
    image.save(path, transparency=image.info.get("transparency"))
    pixels, size = read_preview(path, 2)
    assert size == (3, 2)
    assert pixels.shape == (1, 2, 3)
    assert (pixels == expected).all()


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_preview_is_upright_and_as_the_whole_image(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(quadrants(80)).save(path, exif=exif)
    pixels, size = read_preview(path, 60)
    assert size == image_size(path)
    assert max(pixels.shape) == 60
    whole = Image.fromarray(read_image(path)).resize((pixels.shape[1], pixels.shape[0]))
    difference = np.abs(pixels.astype(int) - np.asarray(whole).astype(int))
    assert np.median(difference) <= 2  # borders of the corners aside


def test_preview_of_a_small_image_is_the_image(tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    Image.fromarray(quadrants()).save(path)
    pixels, size = read_preview(path, 1000)
    assert (pixels == quadrants()).all()
    assert size == (24, 16)


def test_preview_of_a_damaged_file_names_it(tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"\xff\xd8\xff no more")
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        read_preview(path, 100)


def test_size_is_read_without_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suffix in (".png", ".jpg", ".tif", ".gif", ".webp"):
        Image.fromarray(quadrants()).save(tmp_path / f"a{suffix}")

    def refuse(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", refuse)
    for path in tmp_path.iterdir():
        assert image_size(path) == (24, 16)
