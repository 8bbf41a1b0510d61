"""One recipe, one loop, checkpoints that survive a kill."""
