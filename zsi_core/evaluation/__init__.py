"""How good a model is on an annotated set of images, by the protocol of the paper: `zsi evaluate`."""
