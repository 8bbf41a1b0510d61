"""The neck: every map sees every level."""

import pytest
import torch

from martlet.models.detectors.neck import Neck


@pytest.mark.parametrize("sides", [(16, 8, 4), (13, 7, 4)])
def test_each_map_hangs_on_each_level(sides: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    neck = Neck((8, 16, 24), 12).eval()
    maps = [torch.randn(1, c, s, s) for c, s in zip((8, 16, 24), sides, strict=True)]
    before = neck(maps)
    assert [m.shape for m in before] == [
        *((1, 12, s, s) for s in sides),
        (1, 12, (sides[-1] + 1) // 2, (sides[-1] + 1) // 2),
    ]
    for level in range(3):
        changed = [m.clone() for m in maps]
        changed[level] += 1.0
        assert all(not torch.equal(a, b) for a, b in zip(before, neck(changed), strict=True))
