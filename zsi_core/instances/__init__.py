"""Result types, and masks <-> polygons <-> RLE. Imports neither torch nor gensim."""

from zsi_core.instances.explanation import Explanation
from zsi_core.instances.instances import Instances
from zsi_core.instances.rle import Rle

__all__ = ["Explanation", "Instances", "Rle"]
