"""C is compared with PyTorch before its files are kept."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from martlet.errors import MartletError
from martlet.exporting import FORMATS, Trained, c, export
from martlet.models import create_model

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
C = FORMATS["c"]
WARM = 2.5  # what the logits of PyTorch are divided by in the file


@pytest.fixture(scope="module")
def trained() -> Trained:
    torch.manual_seed(0)
    model = create_model("shufflenet_series", num_classes=3, in_chans=2, width=0.25)
    classes = ("a", "b", "c")
    return Trained.of(model, preprocess=None, shape=(1, 16, 2), classes=classes, temperature=WARM)


@pytest.fixture(scope="module")
def kept(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("c") / "out"
    assert 0 < export(trained, folder, C).max_difference <= 1e-5
    return folder


def test_files_are_for_this_machine_and_answer_as_pytorch(trained: Trained, kept: Path) -> None:
    names = {path.suffix for path in kept.iterdir()}
    assert {".c", ".h", ".json"} < names
    batch = np.random.default_rng(5).standard_normal((4, 1, 16, 2), np.float32)
    with torch.inference_mode():
        expected = trained.model.eval()(torch.from_numpy(batch)).numpy() / WARM
    found = c.load(kept)(batch)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(found.argmax(1), expected.argmax(1))


@pytest.mark.slow
def test_a_wrong_one_is_removed_and_the_earlier_stays(
    trained: Trained, kept: Path, tmp_path: Path
) -> None:
    wrong = replace(C, open=lambda folder: lambda batch: c.load(folder)(batch) + 0.01)
    with pytest.raises(MartletError, match=r"was not written: .* differs from the PyTorch model"):
        export(trained, tmp_path / "out", wrong)
    assert not (tmp_path / "out").exists()
    before = {path: path.read_bytes() for path in kept.iterdir()}
    with pytest.raises(MartletError, match="differs"):
        export(trained, kept, wrong)
    assert {path: path.read_bytes() for path in kept.iterdir()} == before
