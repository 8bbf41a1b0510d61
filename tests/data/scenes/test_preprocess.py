"""Principal components of spectra, fitted on some pixels alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from martlet.data.scenes.preprocess import ScenePreprocess, fitted
from martlet.data.scenes.scene import Scene
from martlet.errors import MartletError

ROWS, COLUMNS, BANDS = 12, 9, 7


def scene(values: NDArray[Any] | None = None, nodata: float | None = None) -> Scene:
    if values is None:
        rng = np.random.default_rng(0)
        values = rng.normal(50, 1, (ROWS, COLUMNS, 3)) @ rng.normal(0, 9, (3, BANDS))
        values = (100 * values + rng.normal(0, 40, values.shape)).astype(np.int16)
    return Scene(Path("scene"), values, nodata=nodata)  # type: ignore[arg-type]


def half() -> NDArray[np.bool_]:
    mask = np.zeros((ROWS, COLUMNS), bool)
    mask[:6] = True
    return mask


@pytest.mark.parametrize("values_at_once", [1, 100, 1 << 20])
@pytest.mark.parametrize("fitted_on", ["training", "whole-scene"])
def test_it_is_scikit_learns_whitened_pca(
    monkeypatch: pytest.MonkeyPatch, fitted_on: Any, values_at_once: int
) -> None:
    monkeypatch.setattr("martlet.data.scenes.scene.BLOCK_VALUES", values_at_once)
    whole = scene()
    made = fitted(ScenePreprocess(5, 4, fitted_on), whole, half())
    pixels = np.asarray(whole.values)
    chosen = pixels[half()] if fitted_on == "training" else pixels.reshape(-1, BANDS)
    theirs = PCA(4, whiten=True, svd_solver="full").fit(chosen)
    expected = theirs.transform(pixels.reshape(-1, BANDS)).reshape(ROWS, COLUMNS, 4)
    found = made.project(pixels)
    assert found.dtype == np.float32
    signs = np.sign((found * expected).sum((0, 1)))
    np.testing.assert_allclose(found, signs * expected, atol=1e-4)


@pytest.mark.parametrize("fill", [-1.7976e308, 1e200])
def test_values_without_components_are_a_sentence(fill: float) -> None:
    plan, values = ScenePreprocess(5, 4), np.array(scene().values, np.float64)
    known = fitted(plan, scene(), half())
    values[2, 3] = fill
    message = rf"values as large as {abs(fill):g}, of which no components".replace("+", r"\+")
    with pytest.raises(MartletError, match=message):
        fitted(plan, scene(values), half())
    with pytest.raises(MartletError, match=message):
        known.project(values)
    assert fitted(plan, scene(values, nodata=fill), half()).bands == BANDS
    assert (known.project(values, nodata=fill)[2, 3] == 0).all()


def test_other_pixels_change_nothing() -> None:
    one, values = scene(), np.array(scene().values)
    values[~half()] = 0
    plan = ScenePreprocess(5, 4)
    assert fitted(plan, one, half()) == fitted(plan, scene(values), half())


def test_it_goes_through_json_as_it_is() -> None:
    made = fitted(ScenePreprocess(5, 4), scene(), half())
    assert ScenePreprocess.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert (made.shape, made.in_chans, made.bands) == ((1, 4, 5, 5), 4, BANDS)


def test_a_window_becomes_an_input() -> None:
    made = fitted(ScenePreprocess(5, 4), scene(), half())
    window = np.asarray(scene().values)[2:7, 1:6]
    x = made(window)
    assert x.shape == made.shape
    np.testing.assert_array_equal(x[0, 2, 1, 3], made.project(window)[1, 3, 2])
    batch = made.normalise(np.stack([made.project(window)] * 3))
    np.testing.assert_array_equal(batch[2], x)


@pytest.mark.parametrize("kind", ["nan", "inf", "nodata"])
def test_pixels_that_hold_nothing_are_the_mean_and_fit_nothing(kind: str) -> None:
    values = np.array(scene().values, np.float32)
    given: NDArray[Any] = values.copy()
    given[3, 4] = {"nan": np.nan, "inf": np.inf, "nodata": -999}[kind]
    odd = scene(given, nodata=-999.0)
    without = half()
    without[3, 4] = False
    made = fitted(ScenePreprocess(5, 4), odd, half())
    assert made == fitted(ScenePreprocess(5, 4), scene(values), without)
    projected = made.project(given, -999.0)
    assert not projected[3, 4].any()
    assert np.isfinite(projected).all()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"window": 4}, "window=4 is even; give an odd one"),
        ({"window": 0}, "window=0 is not accepted; give a whole number from 1"),
        ({"components": True}, "components=True is not accepted"),
        ({"components": 2.5}, "components=2.5 is not accepted"),
        ({"fitted_on": "test"}, "fitted_on 'test' is not known; accepted: training, whole-scene"),
        ({"components": 1, "mean": (1, 2), "projection": ((1,),)}, "projection of 1 rows does not"),
        ({"components": 1, "mean": (np.nan,), "projection": ((1,),)}, "infinite or NaN"),
        ({"components": 1, "mean": 5}, "preprocess holds values of another type"),
        ({"colour": 1}, "preprocess has colour, unknown to this version"),
    ],
)
def test_values_that_are_not_accepted(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        ScenePreprocess.from_dict({"kind": "cube", **values})


def test_too_few_pixels_bands_or_differences() -> None:
    few = np.zeros((ROWS, COLUMNS), bool)
    few[0, :4] = True
    with pytest.raises(MartletError, match="4 components need more than 4 training pixels; there"):
        fitted(ScenePreprocess(5, 4), scene(), few)
    with pytest.raises(MartletError, match="components=8 is more than the scene's 7 bands"):
        fitted(ScenePreprocess(5, 8), scene(), half())
    flat = np.array(scene().values)
    flat[..., 2:] = 5
    with pytest.raises(MartletError, match="differ in 2 components, not in 4; give fewer"):
        fitted(ScenePreprocess(5, 4), scene(flat), half())
    with pytest.raises(MartletError, match="not fitted yet"):
        ScenePreprocess(5, 4).project(flat)
    made = fitted(ScenePreprocess(5, 4), scene(), half())
    with pytest.raises(MartletError, match="the scene has 6 bands; the network was trained on 7"):
        made.project(flat[..., :6])


def test_shapes_of_cubes_tiles_and_planes() -> None:
    window = np.arange(9 * 9 * 4, dtype=np.float32).reshape(9, 9, 4)
    cube, planes = ScenePreprocess(9, 4), ScenePreprocess(9, 4, planes=True)
    assert (cube.shape, planes.shape) == ((1, 4, 9, 9), (4, 9, 9))
    assert ScenePreprocess(9, 4, tile=8).shape == (1, 4, 16, 16)
    assert cube.normalise(window).shape == cube.shape
    np.testing.assert_array_equal(planes.normalise(window), cube.normalise(window)[0])
    with pytest.raises(MartletError, match="tile=0 is not accepted"):
        ScenePreprocess(9, 4, tile=0)
