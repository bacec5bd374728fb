"""Other formats of annotations, as converters from and to COCO."""
