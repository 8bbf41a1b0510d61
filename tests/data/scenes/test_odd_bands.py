from pathlib import Path

import numpy as np
import pytest

from martlet.data.scenes.odd_bands import OddBands, odd_bands
from martlet.data.scenes.scene import Scene


@pytest.mark.parametrize("at_once", [1, 60, 1 << 23])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_constant_bands(monkeypatch: pytest.MonkeyPatch, at_once: int, dtype: str) -> None:
    monkeypatch.setattr("martlet.data.scenes.scene.BLOCK_VALUES", at_once)
    values = np.random.default_rng(0).integers(0, 100, (6, 5, 4)).astype(dtype)
    values[:, :, 1] = 7
    values[:, :, 3] = 0
    values[5, 4, 3] = 1
    assert odd_bands(Scene(Path("a"), values)) == OddBands(constant=(1,))


def test_nan_and_infinite_values() -> None:
    values = np.random.default_rng(0).normal(size=(6, 5, 4)).astype("float32")
    values[:2, 0, 0] = np.nan
    values[:, :, 2] = -np.inf
    values[:, :, 3] = np.nan
    values[0, 0, 3] = 4
    found = odd_bands(Scene(Path("a"), values))
    assert found == OddBands(constant=(2, 3), not_finite={0: 2, 2: 30, 3: 29})


@pytest.mark.parametrize("nodata", [-9999.0, float("nan")])
def test_pixels_that_hold_nothing_do_not_count(nodata: float) -> None:
    values = np.ones((6, 5, 2), "float32")
    values[3:, :, 1] = 2
    values[0, 0] = nodata
    scene = Scene(Path("a"), values, nodata=nodata)
    assert odd_bands(scene) == OddBands(constant=(0,))
