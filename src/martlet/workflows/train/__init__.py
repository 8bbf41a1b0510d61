"""The steps of `train`, and its options."""
