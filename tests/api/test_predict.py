from pathlib import Path

import pytest

from martlet.api.predict import predict
from martlet.errors import MartletError
from martlet.workflows.run_folder import Run


def test_files_and_folders_in_order(trained: Run, photos: Path) -> None:
    first = photos / "red" / "003.png"
    found = predict(trained.folder, [first, photos / "green"], top=2)
    assert len(found) == 13
    assert found[0].path == str(first)
    assert [p.path for p in found[1:]] == sorted(map(str, (photos / "green").iterdir()))
    assert all(len(p.top) == 2 and p.top[0] == (p.label, p.probability) for p in found)


def test_the_exported_file_answers_the_same(trained: Run, exported: Path, photos: Path) -> None:
    by_torch, by_onnx = (predict(network, [photos]) for network in (trained.folder, exported))
    assert [p.label for p in by_torch] == [p.label for p in by_onnx]
    for one, other in zip(by_torch, by_onnx, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-4)


def test_a_folder_without_pictures(trained: Run, tmp_path: Path) -> None:
    with pytest.raises(MartletError, match="holds no pictures"):
        predict(trained.folder, [tmp_path])
