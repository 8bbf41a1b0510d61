"""How many of a detector's answers are boxes, and which ones: the same for every program."""

LEAST_SCORE = 0.05
MOST_OVERLAP = 0.6  # IoU above which the lower of two boxes of a class goes
MOST_BOXES = 100  # of a picture, as COCO scores them
MOST_CANDIDATES = 1000  # of a picture, the surest ones, before any is suppressed
NO_BOX = -1.0  # in every column of rows that stand for none

# What an exported file says of them, for programs that select boxes themselves.
LIMITS = {
    "least_score": LEAST_SCORE,
    "most_overlap": MOST_OVERLAP,
    "most_boxes": MOST_BOXES,
    "most_candidates": MOST_CANDIDATES,
}
