"""Pictures: from a folder of class folders to batches."""
