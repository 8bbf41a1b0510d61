"""Equal parts of a batch."""

import pytest

from martlet.data.share import WHOLE, Share
from martlet.errors import MartletError


def test_the_parts_make_the_batch_in_its_order() -> None:
    batch = list(range(12))
    parts = [batch[Share(rank, 3).of(12)] for rank in range(3)]
    assert parts == [batch[:4], batch[4:8], batch[8:]]
    assert batch[WHOLE.of(12)] == batch


def test_a_batch_that_cannot_be_shared_equally() -> None:
    with pytest.raises(MartletError, match=r"a step of 10 inputs .* by 4 processes; .* of 4,"):
        Share(0, 4).of(10)
