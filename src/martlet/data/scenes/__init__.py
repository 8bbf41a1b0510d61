"""Hyperspectral scenes and their label maps: files to arrays, read part by part."""
