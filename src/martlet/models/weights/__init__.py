"""Weights of other libraries: one file of key mappings per library."""
