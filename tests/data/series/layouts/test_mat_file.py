from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from martlet.data.series.layouts.mat_file import read_mat, wanted
from martlet.errors import MartletError


def test_arrays(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"x": np.eye(2), "name": "walk"})
    arrays = read_mat(tmp_path / "a.mat", "a.mat")
    assert sorted(arrays) == ["name", "x"]
    assert wanted(arrays, ("y", "x"), "a.mat").tolist() == [[1, 0], [0, 1]]
    with pytest.raises(MartletError, match=r"'a\.mat' has no array 'y'; it has "):
        wanted(arrays, ("y",), "a.mat")


@pytest.mark.parametrize("share", [0, 0.1, 0.6])
def test_a_file_cut_short(tmp_path: Path, share: float) -> None:
    savemat(tmp_path / "a.mat", {"x": np.random.default_rng(0).normal(size=(40, 40))})
    content = (tmp_path / "a.mat").read_bytes()
    (tmp_path / "b.mat").write_bytes(content[: int(share * len(content))])
    with pytest.raises(
        MartletError, match=r"'b\.mat' (cannot be read as a|is damaged: .* no) MATLAB file"
    ):
        read_mat(tmp_path / "b.mat", "b.mat")


def test_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(
        b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\0" * 512
    )
    with pytest.raises(MartletError, match=r"'a\.mat' is a MATLAB file of version 7\.3"):
        read_mat(tmp_path / "a.mat", "a.mat")
    with pytest.raises(MartletError, match=r"'c\.mat' cannot be read"):
        read_mat(tmp_path / "c.mat", "c.mat")
