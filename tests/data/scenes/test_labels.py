from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.io import savemat

from martlet.data.scenes.labels import LabelMap, check_fit, read_labels
from martlet.data.scenes.scene import Scene
from martlet.errors import MartletError

GAPS = np.array([[0, 1, 10, 11], [12, 13, 14, 0], [1, 1, 0, 14]])


def saved(folder: Path, values: Any) -> Path:
    np.save(folder / "gt.npy", values)
    return folder / "gt.npy"


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "int64", "uint64", "float16", "float32", "float64"]
)
def test_values_with_gaps_keep_their_names(tmp_path: Path, dtype: str) -> None:
    labels = read_labels(saved(tmp_path, GAPS.astype(dtype)))
    assert_array_equal(labels.labels, GAPS)
    assert labels.labels.dtype == "int32"
    assert labels.labels.flags.writeable
    assert list(labels.names.items()) == [(value, str(value)) for value in (1, 10, 11, 12, 13, 14)]
    assert labels.shape == (3, 4)


def test_truth_values_are_one_class(tmp_path: Path) -> None:
    labels = read_labels(saved(tmp_path, GAPS > 0))
    assert_array_equal(labels.labels, GAPS > 0)
    assert labels.names == {1: "1"}


def test_an_axis_of_one_is_passed_over(tmp_path: Path) -> None:
    assert_array_equal(read_labels(saved(tmp_path, GAPS[:, :, None])).labels, GAPS)
    assert_array_equal(read_labels(saved(tmp_path, GAPS[None])).labels, GAPS)


def test_one_array_of_several(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"train": GAPS, "test": GAPS[::-1]})
    with pytest.raises(MartletError, match="--labels-array train"):
        read_labels(tmp_path / "a.mat")
    assert_array_equal(read_labels(tmp_path / "a.mat", array="test").labels, GAPS[::-1])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (GAPS - 1, "holds the value -1; whole numbers from 0"),
        (GAPS + 0.5, "holds fractions at 12 of 12 pixels"),
        (np.where(GAPS, GAPS, np.nan), "NaN or infinite values at 3 of 12"),
        (np.where(GAPS, GAPS, np.inf), "NaN or infinite values at 3 of 12"),
        (GAPS * 0, "no label: every value is 0"),
        (np.arange(1200).reshape(30, 40), "1,199 different values; 1 to 1,000"),
        (GAPS.astype("uint64") << 40, "holds the value 15393162788864"),
        (GAPS * 1j, "complex"),
    ],
)
def test_what_is_no_class_is_refused(tmp_path: Path, values: Any, said: str) -> None:
    with pytest.raises(MartletError, match=said):
        read_labels(saved(tmp_path, values))


def test_names_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("1 a\n10 b\n11 c\n12 d\n13 e\n14 f\n")
    labels = read_labels(saved(tmp_path, GAPS), class_names=tmp_path / "names.txt")
    assert labels.names == {1: "a", 10: "b", 11: "c", 12: "d", 13: "e", 14: "f"}


def test_a_header_that_names_two_classes_alike(tmp_path: Path) -> None:
    header = "ENVI\nsamples = 2\nlines = 2\nbands = 1\ndata type = 1\nclass names = {0, x, x, y}\n"
    (tmp_path / "gt.hdr").write_text(header)
    (tmp_path / "gt.img").write_bytes(bytes([0, 1, 2, 3]))
    with pytest.raises(MartletError, match=r"values 1 and 2 the same name, 'x'; .*--class-names"):
        read_labels(tmp_path / "gt.hdr")
    (tmp_path / "gt.hdr").write_text(header.replace("x, x, y", "x, , Cafe\u0301"), "utf-8")
    assert read_labels(tmp_path / "gt.hdr").names == {1: "x", 2: "2", 3: "Café"}


def test_both_have_the_same_rows_and_columns() -> None:
    labels = LabelMap(Path("gt.mat"), np.ones((3, 4), np.int32), {1: "1"})
    check_fit(Scene(Path("a.mat"), np.zeros((3, 4, 9))), labels)
    with pytest.raises(
        MartletError,
        match=r"'a.mat' has 4×3 rows × columns \(9 bands\) .*'gt.mat' has 3×4; .*map turned",
    ):
        check_fit(Scene(Path("a.mat"), np.zeros((4, 3, 9))), labels)
    with pytest.raises(MartletError, match=r"5×5 rows × columns .* has 3×4; both must agree"):
        check_fit(Scene(Path("a.mat"), np.zeros((5, 5, 9))), labels)
