"""In what order, by which thread, and where in memory the layers of a program work."""
