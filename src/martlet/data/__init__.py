"""From files on a disk to arrays and batches."""
