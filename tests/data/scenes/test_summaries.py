from pathlib import Path

import numpy as np
import pytest

from martlet.data.scenes.labels import LabelMap
from martlet.data.scenes.samples import label_pixels
from martlet.data.scenes.scene import Scene
from martlet.data.scenes.summaries import class_spectra, three_bands


@pytest.fixture(params=[1 << 23, 11 * 5 * 3])  # at once, or three rows at a time
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("martlet.data.scenes.scene.BLOCK_VALUES", request.param)


def values() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(10, 11, 5)) + 1000


def test_three_bands_and_nothing(blocks: None) -> None:
    cube = values()
    cube[2, 3] = -9
    cube[4, 4, 1] = np.nan
    found = three_bands(Scene(Path("s"), cube, nodata=-9), (4, 2, 0))
    assert np.isnan(found[[2, 4], [3, 4]]).all()
    kept = ~np.isnan(found[..., 0])
    assert kept.sum() == 108
    np.testing.assert_array_equal(found[kept], cube[kept][:, [4, 2, 0]])


def test_a_band_that_is_left_out_empties_no_pixel(blocks: None) -> None:
    cube = values()
    cube[:, :, 3] = np.nan  # left out
    cube[4, 4, 1] = np.nan
    found = three_bands(Scene(Path("s"), cube), (4, 2, 0), left_out=[3])
    assert np.argwhere(np.isnan(found[..., 0])).tolist() == [[4, 4]]


def test_a_large_scene_is_thinned_evenly(blocks: None) -> None:
    cube = values()
    found = three_bands(Scene(Path("s"), cube), (0, 1, 2), most=4)
    np.testing.assert_array_equal(found, cube[::3, ::3, :3])


def test_mean_and_deviation_of_the_chosen_ones(blocks: None) -> None:
    cube = values()
    labels = np.zeros((10, 11), np.int32)
    labels[:, :4], labels[:, 4:8], labels[0, 10] = 1, 2, 3
    samples = label_pixels(
        Scene(Path("s"), cube), LabelMap(Path("gt"), labels, {1: "a", 2: "b", 3: "c"})
    )
    chosen = [i for i in range(len(samples)) if i % 3 and samples.labels[i] < 2]
    mean, deviation = class_spectra(samples, chosen)
    spectra = cube[samples.rows, samples.columns]
    for label in (0, 1):
        own = spectra[[i for i in chosen if samples.labels[i] == label]]
        np.testing.assert_allclose(mean[label], own.mean(0), rtol=1e-12)
        np.testing.assert_allclose(deviation[label], own.std(0), rtol=1e-9)
    assert np.isnan([mean[2], deviation[2]]).all()
