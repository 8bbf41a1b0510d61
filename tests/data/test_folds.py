"""Each group is held out once."""

import pytest

from martlet.data.folds import folds_of
from martlet.errors import MartletError

GROUPS = [f"s{n}" for n in range(6) for _ in range(4)]
LABELS = [n % 2 for n in range(24)]


def test_one_group_a_fold_or_several() -> None:
    alone = folds_of(LABELS, GROUPS, "subject", 0, "subject")
    assert alone == [(f"s{n}",) for n in range(6)] == folds_of(LABELS, GROUPS, "6", 0, "recording")
    for seed in range(3):
        few = folds_of(LABELS, GROUPS, "4", seed, "recording")
        assert len(few) == 4
        assert sorted(name for fold in few for name in fold) == sorted(set(GROUPS))
        assert few == folds_of(LABELS, GROUPS, "4", seed, "recording")


@pytest.mark.parametrize(
    ("asked", "who", "sentence"),
    [
        ("subject", "recording", "nothing says who was recorded"),
        ("7", "subject", r"cross_validate='7' needs 7 subjects or more; there are 6\."),
        ("1", "subject", r"cross_validate='1' is not accepted; give subject, or a number"),
        ("leave", "subject", "is not accepted"),
    ],
)
def test_what_cannot_be_dealt_is_one_sentence(asked: str, who: str, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        folds_of(LABELS, GROUPS, asked, 0, who)
