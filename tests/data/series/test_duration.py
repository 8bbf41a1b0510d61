import pytest

from martlet.data.series.duration import parse_duration
from martlet.errors import MartletError


@pytest.mark.parametrize(
    ("value", "rate", "samples"),
    [
        ("2.56s", 50.0, 128),
        ("2.56 s", 50.0, 128),
        ("500ms", 100.0, 50),
        (".5s", 3.0, 2),
        ("128", None, 128),
        (128, None, 128),
        (128.0, 20.0, 128),
        ("0", None, 0),
    ],
)
def test_times_and_samples(value: object, rate: float | None, samples: int) -> None:
    assert parse_duration("window", value).samples(rate) == samples


@pytest.mark.parametrize(
    "value", ["", "s", "2.56", 2.56, "-1s", "2m", "1e3s", True, None, float("nan"), "9" * 30]
)
def test_what_is_neither(value: object) -> None:
    with pytest.raises(MartletError, match=r"^window=.*is not accepted; give a time such as"):
        parse_duration("window", value)


def test_a_time_needs_a_rate() -> None:
    with pytest.raises(MartletError, match=r"window='2s' is a time, and .*give rate"):
        parse_duration("window", "2s").samples(None)


def test_a_time_of_more_samples_than_there_can_be() -> None:
    with pytest.raises(MartletError, match="is not accepted"):
        parse_duration("window", "999999999999s").samples(1000.0)
