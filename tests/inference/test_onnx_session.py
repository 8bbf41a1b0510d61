from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from martlet.errors import MartletError
from martlet.inference import load
from martlet.inference.onnx_session import open_onnx, open_session, reason

WEIGHT = np.arange(24, dtype=np.float32).reshape(2, 12)


def test_any_file_becomes_a_function_of_a_batch(write_matrix: Callable[..., Path]) -> None:
    batch = np.random.default_rng(0).normal(size=(3, 3, 2, 2)).astype(np.float32)
    found = open_onnx(write_matrix(WEIGHT), threads=1)(batch)
    np.testing.assert_allclose(found, batch.reshape(3, 12) @ WEIGHT.T, rtol=1e-5)
    with pytest.raises(MartletError, match=r"m\.onnx was read, but fails when it runs \("):
        open_onnx(write_matrix(WEIGHT))(batch[:, :2])


@pytest.mark.parametrize("opened", [load, open_session, open_onnx])
def test_a_missing_file_and_a_folder(tmp_path: Path, opened: Callable[[Path], object]) -> None:
    with pytest.raises(MartletError, match=r"none\.onnx does not exist; a file made by"):
        opened(tmp_path / "none.onnx")
    with pytest.raises(MartletError, match="is a folder"):
        opened(tmp_path)


def test_threads_that_are_none(write_matrix: Callable[..., Path]) -> None:
    with pytest.raises(MartletError, match="threads=0 is not accepted; use 1 or more"):
        open_session(write_matrix(WEIGHT), threads=0)


@pytest.mark.parametrize(
    ("raised", "kept"),
    [
        ("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Load model from a.onnx failed:bad.", "bad"),
        ("one line.\nanother", "one line"),
        ("", "ValueError"),
    ],
)
def test_the_reason_is_one_line_without_codes(raised: str, kept: str) -> None:
    assert reason(ValueError(raised)) == kept
