import numpy as np
import pytest

from martlet.errors import MartletError
from martlet.report.false_colour import false_colour, false_colour_bands


def test_near_infrared_red_and_green_where_the_wavelengths_have_them() -> None:
    nm = [float(value) for value in range(400, 1000, 10)]
    bands, told = false_colour_bands(len(nm), nm)
    assert [nm[band] for band in bands] == [850, 650, 550]
    assert "850 nm, 650 nm, 550 nm" in told
    bad = bands[0]
    others, _ = false_colour_bands(len(nm), nm, bad=[bad])
    assert nm[others[0]] in (840, 860)


@pytest.mark.parametrize("nm", [None, [1000.0 + 10 * band for band in range(100)]])
def test_spread_bands_where_they_have_not(nm) -> None:
    bands, told = false_colour_bands(100, nm)
    assert bands == (74, 49, 24)
    assert "bands 75, 50, 25 of 100" in told


def test_few_bands() -> None:
    assert false_colour_bands(1)[0] == (0, 0, 0)
    assert false_colour_bands(3, bad=[0, 1, 2])[0] == (1, 1, 0)
    with pytest.raises(MartletError, match="no bands"):
        false_colour_bands(0)


def test_each_band_is_stretched_by_itself_and_outliers_are_clipped() -> None:
    ramp = np.linspace(0, 1, 1000).reshape(20, 50)
    block = np.stack([ramp, 1000 * ramp - 7, np.full_like(ramp, 3)], -1)
    block[0, 0, 0] = 1e9
    block[5, 5, 1] = np.nan
    found = false_colour(block)
    assert found.dtype == np.uint8
    assert found[..., :2].min() == 0
    assert found[-1, -1].tolist() == [255, 255, 0]
    assert abs(int(found[10, 0, 0]) - int(found[10, 0, 1])) <= 2
    assert found[5, 5].tolist() == [255, 255, 255]
    with pytest.raises(MartletError, match="no three bands"):
        false_colour(ramp)
