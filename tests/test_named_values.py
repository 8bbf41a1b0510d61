"""NAME=VALUE, and back."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import pytest

from martlet.errors import MartletError
from martlet.named_values import assignment, assignments


def test_values_by_name_as_text_and_back() -> None:
    texts = ["a=5", "b=full", "c=True", "d=none", 'e={"kind": "se"}', "f=[", "g==", 'h="5"']
    values = {"a": 5, "b": "full", "c": True, "d": "none", "e": {"kind": "se"}, "f": "[", "g": "="}
    values["h"] = "5"
    assert assignments(texts, "model_options") == values
    again = [assignment(name, value) for name, value in values.items()]
    assert assignments(again, "model_options") == values
    for text in ("kernel", "=5", ""):
        with pytest.raises(MartletError, match=f"^model_options='{text}' is not accepted; give N"):
            assignments([text], "model_options")
    assert assignments(["a=" + "[" * 100_000], "x") == {"a": "[" * 100_000}


@dataclass(frozen=True)
class Made:
    kind: str = "se"
    reduction: int = 8


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.int64(5), "a=5"),
        (np.float32(0.5), "a=0.5"),
        (Fraction(1, 4), "a=0.25"),
        (Made(), 'a={"kind": "se", "reduction": 8}'),
        ({"kind": "se", "reduction": np.int64(8)}, 'a={"kind": "se", "reduction": 8}'),
        ((1, (2, None)), "a=[1, [2, null]]"),
    ],
)
def test_numbers_of_others_and_data_classes(value: object, text: str) -> None:
    assert assignment("a", value) == text


@pytest.mark.parametrize("value", [date(1979, 5, 27), object(), {"a": {1, 2}}, b"a", Made])
def test_what_no_text_can_say(value: object) -> None:
    with pytest.raises(MartletError, match=r"^stem=.* is not accepted; give a number, text, True"):
        assignment("stem", value)
