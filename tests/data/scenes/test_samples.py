"""Labelled pixels as samples, and the windows around them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.scenes.test_preprocess import BANDS, COLUMNS, ROWS, scene

from martlet.data.scenes.labels import LabelMap
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.samples import SceneSamples, label_pixels
from martlet.data.scenes.scene import Scene
from martlet.errors import MartletError


def labels(values: np.ndarray | None = None) -> LabelMap:
    if values is None:
        values = np.zeros((ROWS, COLUMNS), np.int32)
        values[1:4, :5], values[6:9, 2:], values[0, 0] = 10, 3, 14
    names = {int(value): f"class {value}" for value in np.unique(values) if value}
    return LabelMap(Path("gt"), values.astype(np.int32), names)


def pixels() -> SceneSamples:
    return label_pixels(scene(), labels())


def test_values_with_gaps_keep_their_names() -> None:
    found = pixels()
    assert (found.classes, found.values) == (("class 3", "class 10", "class 14"), (3, 10, 14))
    assert len(found) == 15 + 21 + 1 == len(set(found.digests))
    assert (found.names[0], found.labels[0]) == ("row 0, column 0", 2)
    assert np.bincount(found.labels).tolist() == [21, 15, 1]


@pytest.mark.parametrize("values_at_once", [1, 200, 1 << 20])
def test_digests_follow_place_and_spectrum(
    monkeypatch: pytest.MonkeyPatch, values_at_once: int
) -> None:
    before = pixels().digests
    monkeypatch.setattr("martlet.data.scenes.scene.BLOCK_VALUES", values_at_once)
    assert pixels().digests == before
    changed = np.array(scene().values)
    changed[2, 3, 5] += 1
    other = label_pixels(scene(changed), labels())
    different = [i for i, digest in enumerate(other.digests) if digest != before[i]]
    assert [other.names[i] for i in different] == ["row 2, column 3"]


def test_each_sample_is_the_window_around_its_pixel() -> None:
    made = pixels().fit(ScenePreprocess(5, 4), range(30))
    assert made.preprocess is not None
    whole = np.pad(made.preprocess.project(np.asarray(scene().values)), ((2, 2), (2, 2), (0, 0)))
    for index in (0, 7, len(made) - 1):
        row, column = made.rows[index], made.columns[index]
        np.testing.assert_array_equal(made[index], whole[row : row + 5, column : column + 5])
    again = pixels().fit(made.preprocess, [])
    assert again.preprocess == made.preprocess
    np.testing.assert_array_equal(again[3], made[3])


def test_only_training_pixels_are_fitted() -> None:
    one = pixels()
    training = [i for i in range(len(one)) if one.rows[i] < 6]
    changed = np.array(scene().values)
    changed[6:] = 9
    plan = ScenePreprocess(5, 4)
    other = label_pixels(scene(changed), labels())
    assert one.fit(plan, training).preprocess == other.fit(plan, training).preprocess
    with pytest.raises(MartletError, match="not fitted yet"):
        one[0]


def test_pixels_that_hold_nothing_are_no_samples() -> None:
    values = np.array(scene().values, np.float32)
    values[0, 0], values[1, 1, 3] = np.nan, np.inf
    found = label_pixels(scene(values), labels())
    assert (len(found), found.classes) == (35, ("class 3", "class 10"))
    assert [line.split(" ", 3)[:3] for line in found.odd] == [
        ["2", "labelled", "pixels"],
        ["classes", "without", "a"],
    ]
    assert found.odd[1].endswith("class 14")


def test_what_cannot_be_learnt_from() -> None:
    with pytest.raises(
        MartletError, match="1 of the classes of gt have a pixel with a spectrum; 2 or"
    ):
        label_pixels(scene(), labels(np.ones((ROWS, COLUMNS))))
    with pytest.raises(MartletError, match="9"):
        label_pixels(scene(), labels(np.ones((COLUMNS, ROWS))))
    assert scene().shape == (ROWS, COLUMNS, BANDS)


@pytest.mark.parametrize("value", [np.nan, np.inf, 7])
def test_a_scene_without_a_band_of_use(value: float) -> None:
    flat = np.full((ROWS, COLUMNS, BANDS), value, np.float32)
    with pytest.raises(MartletError, match="scene 'scene' has no band of use"):
        label_pixels(scene(flat), labels())


@pytest.mark.parametrize("dtype", [np.float64, np.float32, ">i4", np.int64])
def test_a_pixel_is_the_same_in_another_type(dtype: Any) -> None:
    again = label_pixels(scene(np.asarray(scene().values).astype(dtype)), labels())
    assert again.digests == pixels().digests


def test_what_a_network_leaves_out_is_left_out_of_others_too() -> None:
    values = np.array(scene().values, np.float32)
    values[..., 2] = np.nan
    assert len(label_pixels(scene(values), labels(), left_out=(2,))) == len(pixels())
    with pytest.raises(MartletError, match="0 of the classes of gt have a pixel with a spectrum"):
        label_pixels(scene(values), labels(), left_out=(3,))


def test_bands_of_no_use_are_left_out_of_the_components() -> None:
    whole = scene()
    values = np.array(whole.values, np.float32)
    values[..., 2], values[..., 4] = 7, np.nan
    odd = replace(whole, values=values, bad_bands=(0,))
    found = label_pixels(odd, labels())
    assert len(found) == len(pixels())
    assert found.left_out == (0, 2, 4)
    assert list(found.odd) == [
        "bands left out, constant or empty: 2 of 7 (2, 4)",
        "bands left out, marked as bad: 1 of 7 (0)",
    ]
    made = found.fit(ScenePreprocess(3, 2), range(20))
    assert made.preprocess is not None
    used = [1, 3, 5, 6]
    narrow = label_pixels(Scene(whole.path, values[..., used]), labels())
    expected = narrow.fit(ScenePreprocess(3, 2), range(20))
    np.testing.assert_allclose(made.padded, expected.padded, atol=1e-5)
    assert ScenePreprocess.from_dict(made.preprocess.to_dict()) == made.preprocess
    with pytest.raises(MartletError, match=r"scene's 4 bands that are of use \(3 are left out\)"):
        found.fit(ScenePreprocess(3, 5), range(20))
