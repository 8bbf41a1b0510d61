import numpy as np
import pytest

from martlet.data.series.recording import Recording, few, in_order


@pytest.mark.parametrize(
    ("names", "order"),
    [
        ({"10", "2", "1"}, ("1", "2", "10")),
        ({"walk", "10", "2"}, ("10", "2", "walk")),
        ({"b", "a"}, ("a", "b")),
        (set(), ()),
    ],
)
def test_order_of_names(names: set[str], order: tuple[str, ...]) -> None:
    assert in_order(names) == order


@pytest.mark.parametrize(("subject", "group"), [("anna", "anna"), (None, "walk/1.csv")])
def test_group(subject: str | None, group: str) -> None:
    values = np.zeros((4, 1), np.float32)
    piece = Recording("walk/1.csv[0:4]", values, ("x",), "walk/1.csv", subject=subject)
    assert piece.group == group
    assert len(piece) == 4


def test_few_names() -> None:
    assert few(["a", "b"]) == "'a', 'b'"
    assert few([str(i) for i in range(7)]) == "'0', '1', '2', '3', '4' and 2 more"
