"""Propose on many images: the job behind `zsi propose`, which survives being killed."""
