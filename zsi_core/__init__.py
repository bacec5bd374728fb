"""Zero-shot instance segmentation, usable alone from Python and from the command line.

This package imports nothing heavy on its own: the window's process imports `zsi_core.instances`,
`zsi_core.coco` and `zsi_core.engine.client`, and must not pay for torch or gensim.
"""

__version__ = "0.1.0"
