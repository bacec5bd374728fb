"""Every damaged file gives an error that names it and says what is wrong."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from zsi_core.errors import ImageError
from zsi_core.images import (
    image_size,
    read_image,
)


def encoded(format: str) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(stream, format)
    return stream.getvalue()


def png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "text")
    return stream.getvalue()


DAMAGED: dict[str, bytes] = {
    "zero bytes.jpg": b"",
    "one byte.jpg": b"\xff",
    "start marker only.jpg": b"\xff\xd8",
    "half.jpg": encoded("JPEG")[:3000],
    "half.png": encoded("PNG")[:6000],
    "half.tif": encoded("TIFF")[:6000],
    "half.webp": encoded("WEBP")[:1000],
    "half.bmp": encoded("BMP")[:6000],
    "half.gif": encoded("GIF")[:1500],
    "half.jp2": encoded("JPEG2000")[:100],
    "half.qoi": encoded("QOI")[:500],
    "half.tga": encoded("TGA")[:500],
    "half.ppm": encoded("PPM")[:500],
    "signature only.png": b"\x89PNG\r\n\x1a\n",
    "not compressed.png": png(64, 64, b"these are no pixels"),
    "flipped bits.png": encoded("PNG")[:500] + b"\xff" * 200 + encoded("PNG")[700:],
    "bomb.png": png(100_000, 100_000, zlib.compress(b"\0" * 1000)),
    "no pixels.png": png(0, 0, zlib.compress(b"")),
    "wild offset.tif": b"II*\0\xf0\xff\xff\x7f",
    "no tags.tif": b"II*\0\x08\0\0\0\0\0\0\0\0\0",
    "random.jpg": np.random.default_rng(1).bytes(5000),
    "NULs.png": b"\0" * 5000,
    "text.png": b"this is a text\n",
    "error page.jpg": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "archive.png": zipped(),
    "document.png": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100,
    "figure.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
    "film.mpg": b"\0\0\x01\xb3\x10\x00\x10\x13\xff\xff\xe0\x18",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(DAMAGED[name])
    with pytest.raises(ImageError, match=r"(: |\): )\w+") as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    try:
        width, height = image_size(path)
    except ImageError as error:
        assert str(path) in str(error)
    else:
        assert width >= 1
        assert height >= 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zero bytes.jpg", "is empty"),
        ("half.jpg", "is damaged"),
        ("bomb.png", "too many pixels"),
        ("text.png", "is not an image"),
        ("figure.eps", "format EPS"),
    ],
)
def test_the_message_says_what_is_wrong(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(ImageError, match=message):
        read_image(tmp_path / name)


def test_missing_file_folder_and_pipe(tmp_path: Path) -> None:
    for read in (read_image, image_size):
        with pytest.raises(ImageError, match=r"absent\.jpg does not exist"):
            read(tmp_path / "absent.jpg")
        with pytest.raises(ImageError, match="is a folder"):
            read(tmp_path)
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(ImageError, match="not an ordinary file"):
            read_image(tmp_path / "pipe.jpg")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_file_without_permission(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(ImageError, match="permissions"):
        read_image(tmp_path / "a.png")


def test_photographs_of_100_megapixels_open_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(11_648, 8_736, b""))
    # In a process of its own, because pytest replaces the filters of warnings.
    code = "import sys; from zsi_core.images import image_size; print(image_size(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path / "a.png")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "(11648, 8736)"
    assert result.stderr == ""


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    format=st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "TGA"]),
    damage=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=20),
    cut=st.integers(0, 13_000),
)
def test_any_damage_gives_an_image_or_an_image_error(
    tmp_path: Path, format: str, damage: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(encoded(format)[:cut])
    for place, value in damage:
        if place < len(data):
            data[place] = value
    path = tmp_path / "fuzzed"
    path.write_bytes(data)
    try:
        pixels = read_image(path)
    except ImageError as error:
        assert str(path) in str(error)
    else:
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3
