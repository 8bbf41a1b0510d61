"""One file a layout of recordings: how it is recognised, and how it is read."""
