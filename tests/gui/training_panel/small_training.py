"""`python small_training.py retrain RUN [--probe]`: the real training process, and a recipe of few steps."""

from __future__ import annotations

from training import __main__, recipe
from training.retraining import process
from training.retraining import recipe as retraining_recipe

CHANGES = ["canvases=[[64, 64]]", "steps=40", "warmup_steps=1", "batch_size=2", 'precision="float32"']

retraining_recipe.load_recipe = lambda name: recipe.load_recipe(name, CHANGES)
process.PROBE_STEPS = 2
process.lower_priority = lambda: None  # a test does not wait for other programs
__main__.main()
