"""Read photographs: every raster format Pillow decodes, turned upright, as 8-bit RGB.

All sizes and coordinates of the product are in the frame that these functions return: the image after its
EXIF rotation. Transparent images are composited on white, as browsers and file managers show them.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from zsi_core.errors import ImageError

BACKGROUND = (255, 255, 255)
"""What shows through transparent pixels."""

STRETCH_PERCENTILES = (0.5, 99.5)
"""Values of 16-bit, 32-bit and float images that become 0 and 255."""

# Pillow identifies these but needs another program to decode them (EPS would even run one: Ghostscript).
_UNDECODABLE_FORMATS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {5, 6, 7, 8}

# Photographs of 90 to 179 megapixels are ordinary here; what lies above is still refused by Pillow's error.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Broken metadata of an image that decodes concerns nobody; one that does not decode becomes an `ImageError`.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def read_image(path: str | Path) -> np.ndarray:
    """Decode the first frame of an image file.

    Returns:
        (H, W, 3) uint8 RGB, writable, after EXIF rotation. 16-bit, 32-bit and float grey values are stretched
        so that `STRETCH_PERCENTILES` become black and white; transparency is composited on `BACKGROUND`.

    Raises:
        ImageError: the file is missing, empty, damaged, not an image, or above about 179 million pixels.
    """
    with _opened(path) as image:
        orientation = _orientation(image)
        image.load()
        rgb = _to_rgb(image)
        if orientation in _UPRIGHT:
            rgb = rgb.transpose(_UPRIGHT[orientation])
        return np.array(rgb)


def read_preview(path: str | Path, longest: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode an image scaled down, faster than `read_image` where its format allows (JPEG decodes an eighth).

    Args:
        longest: longest side of the result in pixels; smaller images keep their size.

    Returns:
        (h, w, 3) uint8 RGB as of `read_image`, and (width, height) of the original after EXIF rotation.

    Raises:
        ImageError: see `read_image`.
    """
    with _opened(path) as image:
        orientation = _orientation(image)
        width, height = image.size
        image.draft(None, (longest, longest))
        if image.mode in ("RGB", "L", "CMYK", "YCbCr") and not image.has_transparency_data:
            image.thumbnail((longest, longest), Image.Resampling.BILINEAR, reducing_gap=2.0)
            rgb = _to_rgb(image)
        else:  # what is stretched, looked up or composited scales only after that
            rgb = _to_rgb(image)
            rgb.thumbnail((longest, longest), Image.Resampling.BILINEAR, reducing_gap=2.0)
        if orientation in _UPRIGHT:
            rgb = rgb.transpose(_UPRIGHT[orientation])
        sideways = orientation in _SIDEWAYS
        return np.array(rgb), (height, width) if sideways else (width, height)


def image_size(path: str | Path) -> tuple[int, int]:
    """(width, height) in pixels after EXIF rotation, read from the header without decoding the pixels.

    Raises:
        ImageError: the file is missing, empty, not an image, or above about 179 million pixels.
    """
    with _opened(path) as image:
        width, height = image.size
        return (height, width) if _orientation(image) in _SIDEWAYS else (width, height)


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """Open lazily; whatever goes wrong here or in the body becomes an `ImageError` that names the file."""
    path = Path(path)
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a folder, not an image: name a file")
        if not path.exists():
            raise ImageError(f"{path} does not exist: check the spelling, or whether it was moved")
        if not path.is_file():
            raise ImageError(f"{path} is not an ordinary file: name an image file")
        if path.stat().st_size == 0:
            raise ImageError(f"{path} is empty (0 bytes): copy it again from its source")
        with Image.open(path) as image:
            if image.format in _UNDECODABLE_FORMATS:
                raise ImageError(f"{path} is in the format {image.format}: convert it to PNG or JPEG")
            if 0 in image.size:
                raise ImageError(f"{path} has no pixels ({image.width} x {image.height}): leave it out")
            yield image
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{path} is not an image that can be read: convert it to PNG or JPEG") from error
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{path} has too many pixels ({error}): scale it down or cut it into tiles"
        ) from error
    except PermissionError as error:
        raise ImageError(f"{path} may not be read: check its permissions") from error
    except MemoryError as error:
        raise ImageError(f"{path} does not fit into memory: scale it down or cut it into tiles") from error
    except Exception as error:  # Pillow's decoders raise a dozen kinds on damaged files
        raise ImageError(f"{path} is damaged ({error}): copy it again from its source") from error


def _orientation(image: Image.Image) -> int:
    """EXIF orientation that is still to be applied, 1 for upright. Call it before the pixels are loaded."""
    if image.format == "TIFF":  # Pillow applies it itself, to `size` at once and to the pixels while loading
        return 1
    try:
        # Not `image.getexif()`: for PNG that decodes the pixels first.
        return int(Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken metadata of a sound image
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_stretched(np.asarray(image))).convert("RGB")
    if image.mode == "LAB":
        to_srgb = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        return ImageCms.applyTransform(image, to_srgb) or image
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        background = Image.new("RGB", image.size, BACKGROUND)
        background.paste(rgba, mask=rgba.getchannel("A"))
        return background
    return image.convert("RGB")


def _stretched(values: np.ndarray) -> np.ndarray:
    """Grey values of any number type as (H, W) uint8; flat images and NaN become black."""
    grey = np.array(values, dtype=np.float32)  # a copy, to compute in place: these images are large
    finite = np.isfinite(grey)
    if not finite.all():
        grey[~finite] = grey[finite].min() if finite.any() else 0.0
    # A million pixels settle the percentiles; sorting fifty million would take seconds.
    step = max(1, int(np.sqrt(grey.size / 1_000_000)))
    low, high = np.percentile(grey[::step, ::step], STRETCH_PERCENTILES)
    if high <= low:
        low, high = float(grey.min()), float(grey.max())
    if high <= low:
        return np.zeros(grey.shape, dtype=np.uint8)
    grey -= low
    grey *= 255.0 / (high - low)
    grey += 0.5
    return np.clip(grey, 0, 255, out=grey).astype(np.uint8)


@dataclass(frozen=True)
class FoundImage:
    """An image file and the name it goes by in annotation files.

    Attributes:
        path: where the file is.
        name: its path below the root folder of the search, with forward slashes; unique in one search.
    """

    path: Path
    name: str


def find_images(paths: Iterable[str | Path]) -> list[FoundImage]:
    """Image files among `paths` and in the folders among them, sub-folders included.

    Names are relative to the given folder (or to the folder of a given file); when several paths are given,
    to the deepest folder that contains them all, so that two files called `1.jpg` keep different names. In
    folders only files with a suffix that Pillow can decode are taken; hidden files and folders are skipped,
    links to folders are not followed. A file that is given itself is taken whatever it is called.

    Returns:
        Without duplicates, sorted by name as a person would: `2.jpg` before `10.jpg`.

    Raises:
        ImageError: a path does not exist, a folder cannot be read, or there is no common folder.
    """
    # Not resolve(): a linked file goes by the name of its link.
    given = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))  # noqa: PTH100
    for path in given:
        if not path.exists():
            raise ImageError(f"{path} does not exist: check the spelling, or whether it was moved")
    if not given:
        return []
    root = _common_folder(given)
    files = dict.fromkeys(
        file for path in given for file in (_files_below(path) if path.is_dir() else [path])
    )
    found = [FoundImage(file, file.relative_to(root).as_posix()) for file in files]
    return sorted(found, key=lambda image: natural_key(image.name))


def _common_folder(paths: list[Path]) -> Path:
    try:
        return Path(os.path.commonpath([path if path.is_dir() else path.parent for path in paths]))
    except ValueError as error:
        raise ImageError(
            f"{paths[0]} and {paths[-1]} lie on different drives: work on them one after the other"
        ) from error


def _files_below(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise ImageError(f"{error.filename} cannot be read: check its permissions") from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if not name.startswith(".") and path.suffix.lower() in image_suffixes() and path.is_file():
                yield path


@cache
def image_suffixes() -> frozenset[str]:
    """Lower-case file name suffixes, with their dot, of the formats that `read_image` decodes."""
    Image.init()
    readable = (set(Image.OPEN) | {"MPO"}) - _UNDECODABLE_FORMATS
    return frozenset(suffix for suffix, format in Image.registered_extensions().items() if format in readable)


def natural_key(name: str) -> tuple[list[tuple[int, int | str]], str]:
    """Sorts file names as a person would, numbers by value and letters whatever their case."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part], name
