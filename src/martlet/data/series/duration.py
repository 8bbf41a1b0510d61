"""Lengths in time, as they are asked for: "2.56s", "40ms", or 128 samples."""

import re
from dataclasses import dataclass
from math import isfinite
from numbers import Real

from martlet.errors import MartletError

_TIME = re.compile(r"(\d+\.?\d*|\.\d+)\s*(ms|s)")
_SAMPLES = re.compile(r"\d+")
LONGEST_SAMPLES = 1 << 31


@dataclass(frozen=True)
class Duration:
    """`seconds`, or `count` samples; `text` is what was asked for, `name` the option's."""

    name: str
    text: str
    seconds: float | None
    count: int | None

    def samples(self, rate: float | None) -> int:
        """How many samples that is at `rate` Hz, to the nearest one.

        Raises MartletError where a time has to become samples and the rate is not known.
        """
        if self.count is not None:
            return self.count
        assert self.seconds is not None
        if rate is None:
            raise MartletError(
                f"{self.name}={self.text!r} is a time, and nothing says how many samples a second "
                f"has; give rate, or {self.name} as a number of samples."
            )
        if self.seconds * rate > LONGEST_SAMPLES:
            raise _refused(self.name, self.text)
        return round(self.seconds * rate)


def parse_duration(name: str, value: object) -> Duration:
    """`value` of the option `name`: text with a unit, s or ms, or a whole number of samples.

    Raises MartletError for anything else; a number that is not whole could be meant as seconds.
    """
    text = str(value).strip()
    number = isinstance(value, Real) and not isinstance(value, bool)
    if number and isfinite(float(value)) and float(value) == int(value):  # type: ignore[arg-type, call-overload]
        text = str(int(value))  # type: ignore[call-overload]
    if not (number or isinstance(value, str)):
        raise _refused(name, value)
    if _SAMPLES.fullmatch(text) and len(text) < 20 and int(text) <= LONGEST_SAMPLES:
        return Duration(name, text, None, int(text))
    time = _TIME.fullmatch(text)
    if time is None or not isfinite(float(time[1])):
        raise _refused(name, value)
    return Duration(name, text, float(time[1]) / (1000 if time[2] == "ms" else 1), None)


def _refused(name: str, value: object) -> MartletError:
    return MartletError(
        f"{name}={value!r} is not accepted; give a time such as '2.56s' or '500ms', or a whole "
        "number of samples."
    )
