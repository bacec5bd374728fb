"""The folder of preview pictures, and keeping it apart from the photographs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from zsi_core.errors import ImageError
from zsi_core.files import atomic_write
from zsi_core.images import FoundImage, find_images
from zsi_core.instances import Instances
from zsi_core.preview import Colour, draw_instances

MARKER = ".zsi-previews"
"""File that tells a folder of previews from a folder of photographs, which nothing here may write to."""

QUALITY = 88


class PreviewFolder:
    """Writes one JPEG per image, with the sub-folders of the images."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: a new folder, one without pictures, or one of earlier previews.

        Raises:
            ImageError: there are pictures that are no previews, or the folder cannot be made.
        """
        self.folder = folder
        marker = folder / MARKER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not marker.exists():
                if find_images([folder]):
                    raise ImageError(
                        f"{folder} holds pictures that are no previews: name a folder of its own for the "
                        "previews"
                    )
                with atomic_write(marker, "w") as stream:
                    stream.write("Previews by zsi propose; they are replaced without asking.\n")
        except OSError as error:
            raise _unwritable(folder, error) from error

    def path_of(self, file_name: str) -> Path:
        """`a/1.jpg` stays `a/1.jpg`; `a/1.png` becomes `a/1.png.jpg`, so that both can be there."""
        is_jpeg = file_name.lower().endswith((".jpg", ".jpeg"))
        return self.folder / (file_name if is_jpeg else file_name + ".jpg")

    def write(
        self, file_name: str, image: np.ndarray, instances: Instances, colours: Mapping[str, Colour]
    ) -> None:
        """Draw and save the preview of an image.

        Args:
            file_name: the image's name below the folder of the images.
            image: (H, W, 3) uint8 RGB.
            colours: see `class_colours`.

        Raises:
            ImageError: the file cannot be written.
        """
        path = self.path_of(file_name)
        picture = Image.fromarray(draw_instances(image, instances, colours))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as stream:
                picture.save(stream, "JPEG", quality=QUALITY)
        except OSError as error:
            raise _unwritable(path, error) from error


def without_previews(images: Iterable[FoundImage]) -> list[FoundImage]:
    """The images that do not lie in a folder of previews: those were drawn by an earlier run."""

    @cache
    def holds_previews(folder: Path) -> bool:
        return (folder / MARKER).exists() or (folder != folder.parent and holds_previews(folder.parent))

    return [image for image in images if not holds_previews(image.path.parent)]


def _unwritable(path: Path, error: OSError) -> ImageError:
    return ImageError(
        f"{path} cannot be written ({error.strerror or error}): check that the folder of the previews may be "
        "written to and has space left"
    )
