"""Annotation files in and out of a project: COCO without loss, others as converters. No Qt, no torch."""
