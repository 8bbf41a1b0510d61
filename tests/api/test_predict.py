import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import martlet
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


def test_pictures_in_memory(trained: Run, photos: Path) -> None:
    path = photos / "red" / "003.png"
    (expected,) = predict(trained.folder, path)
    with Image.open(path) as image:
        pixels = np.asarray(image)
        for given in (image, [pixels], pixels, io.BytesIO(path.read_bytes())):
            (found,) = predict(trained.folder, given)
            assert found.label == expected.label
            assert found.probability == pytest.approx(expected.probability, abs=1e-6)


@pytest.mark.parametrize("given", [5, [5], b"bytes", [b"bytes"], {"a": 1}, [None]])
def test_what_is_no_picture_is_refused(trained: Run, given: object) -> None:
    with pytest.raises(MartletError, match="is not accepted; give"):
        predict(trained.folder, given)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "compiled"])
def test_an_exported_network_needs_no_torch(
    exported: Path, photos: Path, tmp_path: Path, kind: str
) -> None:
    network = exported
    if kind == "compiled":
        network = martlet.compile(exported, tmp_path / "c").folder
    code = f"""
import sys
from martlet.cli.main import main
sys.argv = ["martlet", "predict", {str(network)!r}, {str(photos)!r}, "--json"]
try:
    main()
finally:
    heavy = {{"torch", "torchvision", "onnx", "matplotlib", "sklearn"}}
    print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(json.loads(run.stdout)) == 36
    assert run.stderr == "[]\n"
