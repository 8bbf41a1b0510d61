"""An ONNX file that selects its boxes itself gives those that rows.py selects."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.tasks.detection.test_rows import SIZE, answers

from martlet.compiler import compile_onnx
from martlet.errors import MartletError
from martlet.exporting import boxes
from martlet.exporting.boxes import add_selection
from martlet.inference.onnx_session import open_session
from martlet.tasks.detection.rows import in_pixels, selected


def selecting(places: int, classes: int) -> onnx.ModelProto:
    """The selection alone, of boxes that are given as they are."""
    shape = ["batch", places, 4 + classes]
    given, decoded = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name in ("given", boxes.DECODED)
    )
    node = helper.make_node("Identity", ["given"], [boxes.DECODED])
    graph = helper.make_graph([node], "boxes", [given], [decoded])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    add_selection(model, SIZE)
    return model


def found_by(model: onnx.ModelProto, given: np.ndarray, folder: Path) -> np.ndarray:
    onnx.save(model, folder / "selecting.onnx")
    session = open_session(folder / "selecting.onnx")
    (rows, _) = session.run(None, {"given": given})
    return in_pixels(np.asarray(rows), SIZE)


@pytest.mark.parametrize(("places", "classes"), [(7, 1), (60, 3), (900, 2), (400, 20)])
def test_ties_edges_and_more_candidates_than_are_looked_at(
    places: int, classes: int, tmp_path: Path
) -> None:
    """Fewer rows than 100, and more than 1,000 candidates; batches of one and of four."""
    model = selecting(places, classes)
    onnx.checker.check_model(model, full_check=True)
    for seed in range(8):
        given = np.stack([answers(4 * seed + n, places, classes) for n in range(4)])
        expected = selected(given[..., :4], given[..., 4:], SIZE)
        assert (expected[..., 5] >= 0).any()
        for batch in (given, given[:1]):
            found = found_by(model, batch, tmp_path)
            np.testing.assert_allclose(found, expected[: len(batch)], atol=1e-4)


def test_a_file_that_selects_is_not_compiled(tmp_path: Path) -> None:
    path = tmp_path / "selecting.onnx"
    onnx.save(selecting(60, 3), path)
    with pytest.raises(
        MartletError, match=r"known at run time only; .* `martlet export RUN --raw`"
    ):
        compile_onnx(path, tmp_path / "out", shapes={"given": (1, 60, 7)})


def test_nothing_is_found_of_nothing(tmp_path: Path) -> None:
    found = found_by(selecting(60, 3), np.zeros((2, 60, 7), np.float32), tmp_path)
    assert (found == -1).all()


def test_a_file_that_selects_others_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another(*_: Any) -> np.ndarray:
        return np.zeros((1, 100, 6), np.float32)

    model = selecting(60, 3)
    onnx.save(model, tmp_path / "both.onnx")
    monkeypatch.setattr(boxes, "selected", another)
    with pytest.raises(MartletError, match="selects other boxes than martlet of a batch of 1"):
        boxes._compare(tmp_path / "both.onnx", (60, 7))
