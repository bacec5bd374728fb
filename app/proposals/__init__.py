"""What the model suggests: the link to the engine, names asked for, proposals and their review."""
