"""Everyday photographs that a retraining shows the network beside those of a project.

What a network was trained on and is never shown again it forgets. 124 photographs of what the starter model
was trained on are shown again and again, and the former model says what is to be said of them
(`zsi_core.model.former`); none shows a class that is unseen in the 65/15 split.

Their labels say nothing. To learn from them as well was measured: so few are learned by heart, and more was
forgotten of the names that nobody trained on (`CONTRIBUTING.md`).
"""

from __future__ import annotations

from training.recipe import DataSpec
from zsi_core.coco import read_coco
from zsi_core.files import resources_dir

NAME = "everyday photographs"


def rehearsal_set(project_images: int, share: float) -> DataSpec:
    """The photographs as a set of a recipe.

    Args:
        project_images: number of images of all other sets.
        share: of the images that are drawn, in [0, 1).

    Raises:
        AnnotationError: the installation is damaged.
    """
    folder = resources_dir() / "rehearsal"
    annotations = folder / "annotations.json"
    repeat = share / (1.0 - share) * project_images / len(read_coco(annotations).images)
    return DataSpec(NAME, str(annotations), str(folder), repeat=repeat, rehearsed=True)
