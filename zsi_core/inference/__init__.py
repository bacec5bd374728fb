"""Encode once, ask often: `Segmenter`."""

from zsi_core.inference.encoded import EncodedImage
from zsi_core.inference.segmenter import Segmenter
from zsi_core.instances import Explanation

__all__ = ["EncodedImage", "Explanation", "Segmenter"]
