"""What a terminal is told: progress on standard error, results as tables."""
