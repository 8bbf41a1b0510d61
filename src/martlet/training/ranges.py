"""The values that options of training accept."""

import re

from martlet.arguments import Range

_TIME = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def seconds_of(time: str) -> float:
    """Of 90s, 10m, 2h or 1h30m; 0 for what is no time."""
    found = _TIME.fullmatch(time.strip())
    hours, minutes, seconds = (float(part or 0) for part in found.groups()) if found else (0, 0, 0)
    return 3600 * hours + 60 * minutes + seconds


AT_LEAST_0 = Range("0 or more", lambda value: value >= 0)
EPOCHS = Range("1 or more, or 0 with few", lambda value: value >= 0)
AT_LEAST_1 = Range("1 or more", lambda value: value >= 1)
ABOVE_0 = Range("a number above 0", lambda value: value > 0)
BELOW_1 = Range("0 up to (not including) 1", lambda value: 0 <= value < 1)
SHARE = Range("0 to 1", lambda value: 0 <= value <= 1)
SHARE_ABOVE_0 = Range("above 0, at most 1", lambda value: 0 < value <= 1)
TWO_INPUTS = Range("2 or more (batch norm needs two inputs)", lambda value: value >= 2)
DEGREES = Range("0 to 180", lambda value: 0 <= value <= 180)
ABOVE_0_TO_HALF = Range("above 0, at most 0.5", lambda value: 0 < value <= 0.5)
AT_MOST_HALF = Range("0 to 0.5", lambda value: 0 <= value <= 0.5)
PLAIN_NAME = Range(
    "a name without / and \\, which is not . or ..",
    lambda value: value not in ("", ".", "..") and not set("/\\\0") & set(value),
)
SEED = Range("0 up to 2**32 - 1", lambda value: 0 <= value < 2**32)
TIME = Range("a time as 90s, 10m or 1h30m", lambda value: seconds_of(value) > 0)
