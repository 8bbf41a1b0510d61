"""Load an exported network and predict, without torch."""
