from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from martlet.data.scenes.choose import axis_of_bands, label_array, scene_array
from martlet.data.scenes.contents import Contents, StoredArray, type_of
from martlet.errors import MartletError


def holding(axes_known: bool = False, **arrays: Any) -> Contents:
    """Contents with arrays of these shapes, or of these values."""
    found = {name: np.zeros(a) if isinstance(a, tuple) else a for name, a in arrays.items()}
    stored = [
        StoredArray(name, values.shape, *type_of(values.dtype), partial(np.asarray, values))
        for name, values in found.items()
    ]
    return Contents(Path("a.mat"), tuple(stored), axes_known)


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"gt": (10, 20), "wavelengths": (1, 30), "one": (1, 1)},
        {"words": np.full((4, 4, 4), "abc"), "mask": np.zeros((10, 20, 30), bool)},
        {"complex": np.zeros((50, 50, 50), complex), "empty": (0, 5, 5)},
    ],
)
def test_the_only_array_of_three_axes(others: dict[str, Any]) -> None:
    assert scene_array(holding(cube=(10, 20, 30), **others), None).name == "cube"


def test_several_are_asked_about() -> None:
    contents = holding(a=(10, 20, 30), b=np.zeros((2, 3, 4), "i2"), c=(4, 4))
    with pytest.raises(
        MartletError,
        match=r"2 arrays .*'a' \(10×20×30, float64\), 'b' \(2×3×4, int16\); .*--array a",
    ):
        scene_array(contents, None)
    assert scene_array(contents, "b").name == "b"
    with pytest.raises(MartletError, match=r"array='d' is not in .* it holds 'a' .*, 'c' \(4×4"):
        scene_array(contents, "d")
    with pytest.raises(
        MartletError, match=r"'c' \(4×4, float64\) .* is no scene: a scene has three axes"
    ):
        scene_array(contents, "c")


def test_a_name_of_any_length_is_shortened() -> None:
    with pytest.raises(MartletError) as found:
        scene_array(holding(**{"a" * 5000: (4, 5)}), None)
    assert len(str(found.value)) < 500


def test_a_matrix_of_unmixing_is_not_passed_over() -> None:
    """Abundances of four materials are the only array of three axes; the scene is a matrix."""
    contents = holding(truth=(100, 100, 4), spectra=(198, 10000), ends=(4, 198))
    with pytest.raises(
        MartletError, match=r"'truth' .*larger one, 'spectra' \(198×10000.*bands × pixels"
    ):
        scene_array(contents, None)
    assert scene_array(contents, "truth").name == "truth"
    with pytest.raises(MartletError, match=r"'spectra' .*reshape it to rows × columns × bands"):
        scene_array(contents, "spectra")
    with pytest.raises(MartletError, match=r"three axes.*'spectra' may be a matrix"):
        scene_array(holding(spectra=(198, 10000)), None)


def test_a_file_without_a_scene() -> None:
    with pytest.raises(MartletError, match=r"holds 'gt' \(10×20, float64\), but a scene has three"):
        scene_array(holding(gt=(10, 20)), None)
    with pytest.raises(MartletError, match="holds no arrays, but"):
        scene_array(holding(), None)
    with pytest.raises(MartletError, match=r"'a' \(2×2×2, bool\).* is no scene: .* of numbers"):
        scene_array(holding(a=np.ones((2, 2, 2), bool)), "a")
    with pytest.raises(MartletError, match=r"holds 'a' \(0×5×5"):
        scene_array(holding(a=(0, 5, 5)), None)


def test_the_only_map() -> None:
    others = {"cube": (10, 20, 30), "row": (1, 30), "number": (1, 1), "list": (7,)}
    assert label_array(holding(gt=(10, 20), **others), None).name == "gt"
    for shape in ((10, 20, 1), (1, 10, 20)):
        assert label_array(holding(gt=shape, **others), None).shape == shape
    assert label_array(holding(mask=np.ones((3, 4), bool)), None).name == "mask"
    with pytest.raises(MartletError, match=r"2 arrays .*'train' \(10×20.*--labels-array train"):
        label_array(holding(train=(10, 20), test=(10, 20)), None)
    with pytest.raises(MartletError, match="but a label map has two axes"):
        label_array(holding(**others), None)
    with pytest.raises(MartletError, match="labels_array='gr' is not in file"):
        label_array(holding(gt=(10, 20)), "gr")
    with pytest.raises(MartletError, match=r"'cube' .* is no label map"):
        label_array(holding(**others), "cube")


# Shapes of scenes that many know, and the same with the bands in another place.
@pytest.mark.parametrize(
    "shape",
    [
        (145, 145, 200),
        (512, 217, 204),
        (83, 86, 204),
        (610, 340, 103),
        (1096, 715, 102),
        (512, 614, 176),
        (1476, 256, 145),
        (349, 1905, 144),
        (1723, 476, 270),
    ],
)
def test_bands_last_are_taken_as_they_are(shape: tuple[int, int, int]) -> None:
    contents = holding(cube=shape)
    stored = contents.arrays[0]
    assert axis_of_bands(contents, stored, None, None) == 2
    assert axis_of_bands(contents, stored, None, shape[:2]) == 2


@pytest.mark.parametrize(
    ("shape", "rows_columns", "why"),
    [
        ((200, 145, 145), None, "last two sides are equal"),
        ((145, 200, 145), None, "first and the last side are equal"),
        ((145, 145, 145), None, "all sides are equal"),
        ((103, 610, 340), None, "first side is much shorter"),
        ((204, 512, 217), (512, 217), "the label map's 512×217 fits if it is the first"),
        ((512, 204, 217), (512, 217), "fits if it is the second"),
    ],
)
def test_bands_elsewhere_are_asked_about(
    shape: tuple[int, ...], rows_columns: tuple[int, int] | None, why: str
) -> None:
    contents = holding(cube=shape)
    stored = contents.arrays[0]
    with pytest.raises(MartletError, match=rf"'cube' .*{why}.*--bands-axis\): 0, 1 or 2"):
        axis_of_bands(contents, stored, None, rows_columns)
    for axis in range(3):
        assert axis_of_bands(contents, stored, axis, rows_columns) == axis


@pytest.mark.parametrize("shape", [(30, 145, 145), (30, 500, 100), (9, 9, 9)])
def test_a_label_map_settles_it(shape: tuple[int, ...]) -> None:
    contents = holding(cube=shape)
    assert axis_of_bands(contents, contents.arrays[0], None, (shape[0], shape[1])) == 2


def test_formats_that_know_their_axes() -> None:
    contents = holding(axes_known=True, cube=(3, 145, 145))
    stored = contents.arrays[0]
    assert axis_of_bands(contents, stored, None, None) == 2
    assert axis_of_bands(contents, stored, 2, None) == 2
    with pytest.raises(MartletError, match="bands_axis=0 does not belong to"):
        axis_of_bands(contents, stored, 0, None)
    with pytest.raises(MartletError, match="bands_axis=3 is no axis"):
        axis_of_bands(contents, stored, 3, None)
