"""Training and retraining: data sets, transforms, the training loop and its recipes."""
