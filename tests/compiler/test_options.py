from pathlib import Path

import numpy as np
import onnx
import pytest

from martlet.compiler import compile_onnx
from martlet.errors import MartletError


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target": "x86-64-v5"}, "target 'x86-64-v5' is not known; did you mean"),
        ({"target": "??"}, "target .* accepted: native, x86-64-v4"),
        ({"weights": "flash"}, "weights 'flash' is not known; accepted: embedded, text, file"),
        ({"batch": 0}, "batch=0 is not accepted"),
        ({"shapes": {"z": (1, 3, 8, 8)}}, r"shape of 'z': the inputs are called 'x'"),
        ({"shapes": (1, 3, 8, 8)}, r"shapes=\(1, 3, 8, 8\) is not accepted; give sides by input"),
        ({"shapes": {"x": 5}}, "shape of 'x': 5 is not accepted; give whole numbers"),
        ({"shapes": {"x": (1, 3, 8.5, 8)}}, "is not accepted; give whole numbers"),
        ({"batch": 1.5}, "batch=1.5 is not accepted; give a whole number"),
        ({"batch": True}, "batch=True is not accepted"),
        ({"threads": 0}, "threads=0 is not accepted; give 1 to 64"),
        ({"threads": 65}, "threads=65 is not accepted; give 1 to 64"),
        ({"threads": "2"}, "threads='2' is not accepted; give a whole number"),
        ({"threads": [1] * 99}, r"threads=\[1, .*\.\.\.\] is not accepted; give a whole"),
        ({"batch": 10**30}, "batch is a number of 100 bits; accepted are those of 63"),
        ({"batch": 2**62}, "the input 'x' has the impossible or too large size"),
        ({"shapes": {"x": (1, 3, 10**30, 8)}}, "the input 'x' has the impossible or too large"),
        ({"name": 5}, "name=5 is not accepted; give text or None"),
        ({"name": ""}, "name='' is not accepted; give text or None"),
        ({"target": None}, "target 'None' is not known"),
        ({"weights": []}, r"weights '\[\]' is not known"),
    ],
)
def test_bad_arguments_are_one_sentence(
    tmp_path: Path, tiny: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        compile_onnx(tiny, tmp_path / "out", library=False, **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", [5, None, b"a.onnx", "", "a\0b", onnx.ModelProto()])
def test_what_is_no_path_is_one_sentence(tiny: Path, tmp_path: Path, given: object) -> None:
    with pytest.raises(MartletError, match=r"model=.* is not accepted; give a path"):
        compile_onnx(given, tmp_path / "out")
    with pytest.raises(MartletError, match=r"out=.* is not accepted; give a path"):
        compile_onnx(tiny, given)


def test_numbers_of_numpy(tiny: Path, tmp_path: Path) -> None:
    sides = {"x": np.array([1, 3, 20, 24])}
    one = np.int64(1)
    net = compile_onnx(tiny, tmp_path, batch=one, threads=one, shapes=sides, library=False)
    assert net.description.inputs == {"x": (1, 3, 20, 24)}


def test_a_shape_without_a_name_is_the_only_inputs(tiny: Path, tmp_path: Path) -> None:
    model = onnx.load(tiny)
    for axis, side in ((2, "H"), (3, "W")):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = side
    onnx.save(model, tmp_path / "open.onnx")
    with pytest.raises(MartletError, match="--shape"):
        compile_onnx(tmp_path / "open.onnx", tmp_path / "out", library=False)
    net = compile_onnx(
        tmp_path / "open.onnx", tmp_path / "out", library=False, shapes={"": (1, 3, 20, 24)}
    )
    assert net.description.inputs == {"x": (1, 3, 20, 24)}
