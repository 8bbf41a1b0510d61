"""The values that options of training accept."""

from martlet.arguments import Range

AT_LEAST_0 = Range("0 or more", lambda value: value >= 0)
AT_LEAST_1 = Range("1 or more", lambda value: value >= 1)
ABOVE_0 = Range("a number above 0", lambda value: value > 0)
BELOW_1 = Range("0 up to (not including) 1", lambda value: 0 <= value < 1)
SHARE = Range("0 to 1", lambda value: 0 <= value <= 1)
SHARE_ABOVE_0 = Range("above 0, at most 1", lambda value: 0 < value <= 1)
TWO_INPUTS = Range("2 or more (batch norm needs two inputs)", lambda value: value >= 2)
DEGREES = Range("0 to 180", lambda value: 0 <= value <= 180)
AT_MOST_HALF = Range("0 to 0.5", lambda value: 0 <= value <= 0.5)
PLAIN_NAME = Range(
    "a name without / and \\, which is not . or ..",
    lambda value: value not in ("", ".", "..") and not set("/\\\0") & set(value),
)
SEED = Range("0 up to 2**32 - 1", lambda value: 0 <= value < 2**32)
