"""The version, for the files that are written and for the distribution."""

__version__ = "0.1.0"
