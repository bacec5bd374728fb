"""Retraining on the labels of a project: `python -m training retrain RUN`."""
