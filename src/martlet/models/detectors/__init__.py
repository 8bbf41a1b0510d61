"""Detectors: a network of the table as backbone, a neck over its levels, and a head for boxes."""
