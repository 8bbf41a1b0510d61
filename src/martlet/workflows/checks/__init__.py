"""What is looked at before training: labels in doubt, pictures that are nearly the same."""
