"""Boxes: pictures with bounding boxes, from the annotation formats of the field."""
