"""Names of the files that training writes into a run's folder."""

MODEL = "model.safetensors"  # the best weights
RESUME = "resume.safetensors"  # the last step
METRICS = "metrics.csv"  # a row an epoch
TRACKERS = "trackers.json"  # what trackers call the run
