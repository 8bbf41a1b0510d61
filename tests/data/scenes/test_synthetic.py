from pathlib import Path

import numpy as np

from martlet.data.scenes.labels import read_labels
from martlet.data.scenes.scene import read_scene
from martlet.data.scenes.synthetic import NAMES, make_scene, spectra, write_synthetic_scene


def test_a_seed_makes_one_scene() -> None:
    one, again, other = make_scene(0), make_scene(0), make_scene(1)
    for mine, same in zip(one, again, strict=True):
        np.testing.assert_array_equal(mine, same)
    assert (one[0] != other[0]).any()


def test_pixels_are_mixed_as_is_said_and_labelled_by_what_they_hold_most_of() -> None:
    scene, labels, shares = make_scene(0)
    np.testing.assert_allclose(shares.sum(-1), 1)
    assert set(np.unique(labels).tolist()) == set(range(len(NAMES) + 1))
    brightness = scene.mean(-1) / (1e4 * (shares @ spectra()).mean(-1))
    assert 0.5 < np.percentile(brightness, 1) < np.percentile(brightness, 99) < 1.6
    water = labels == 1 + NAMES.index("water")
    assert scene[water].mean() < 0.5 * scene[labels > 1].mean()


def test_what_is_written_is_read_with_names_and_wavelengths(tmp_path: Path) -> None:
    files = write_synthetic_scene(tmp_path)
    labels = read_labels(files.labels, class_names=files.class_names)
    scene = read_scene(files.scene, rows_columns=labels.shape)
    assert tuple(labels.names.values()) == NAMES
    assert scene.wavelengths is not None
    assert (scene.wavelengths[0], len(scene.wavelengths)) == (410, scene.shape[2])
    np.testing.assert_array_equal(scene.block(slice(None), slice(None)), make_scene(0)[0])
