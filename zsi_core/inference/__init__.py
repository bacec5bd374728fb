"""Encode once, ask often: `Segmenter`."""

from zsi_core.inference.encoded import EncodedImage
from zsi_core.inference.segmenter import Explanation, Segmenter

__all__ = ["EncodedImage", "Explanation", "Segmenter"]
