"""ONNX's own tests of operators and networks, for every operator that the compiler claims."""

import re
import unittest
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx.backend.base import Backend, BackendRep
from onnx.backend.test import BackendTest
from onnx.backend.test.loader import load_model_tests
from onnx.helper import tensor_dtype_to_np_dtype
from tests.compiler.graphs import run

from martlet.compiler.ir.graph import WHOLE
from martlet.compiler.lowering.kernel_table import KERNELS
from martlet.compiler.lowering.views import VIEWS
from martlet.errors import MartletError

Category = str
CATEGORIES = {
    "node": "OnnxBackendNodeModelTest",
    "simple": "OnnxBackendSimpleModelTest",
    "pytorch-operator": "OnnxBackendPyTorchOperatorModelTest",
    "pytorch-converted": "OnnxBackendPyTorchConvertedModelTest",
    "real": "OnnxBackendRealModelTest",
}
# Tests of claimed operators that are left out, with the reason. Those whose inputs or outputs are
# of types that are not held are found by their types: see `why_not`.
EXCLUDED = {
    r"^test_batchnorm_\w+_training_mode_cpu": "statistics of the batch are for training",
    r"^test_training_dropout_\w*cpu": "dropping values is for training",
    r"^test_not_[234]d_cpu": "operator set 1; 6 and later are accepted",
    r"^test_(range_|\w+window_|center_crop_pad_|constantofshape_)\w+": "a length that follows from "
    "values at run time",
    r"^test_nonmaxsuppression_(identical_boxes|suppress_by_IOU_and_scores)_cpu": "as many rows as "
    "can be left, -1 in the others",
    r"^test_(add|div|mod|mul|sub)_\w*u?int(8|16)_cpu": "sums in small types that begin again",
    r"^test_pow_types_int": "powers of whole numbers",
    r"^test_(de)?quantizelinear_blocked_\w+": "scales by block at run time",
    r"^test_dropout_default_mask_\w*cpu": "masks are for training",
    r"^test_maxpool_with_argmax_\w+": "places of the largest are for training",
    r"^test_attention_local_window_gqa_rank4_mask_expanded_cpu": "float64 inside",
    r"^test_resize_downsample_scales_(linear|cubic)_align_corners_cpu": "corners of a map of 2.4 "
    "places; PyTorch and ONNX Runtime align those of whole places",
    r"^test_identity_(sequence|opt)_cpu": "sequences and optional values",
}
# Whatever the version of onnx: newer ones have more tests of operators.
LEAST = {"node": 500, "simple": 7, "pytorch-operator": 29, "pytorch-converted": 80, "real": 9}
HELD = {np.dtype(np.float32), np.dtype(np.bool_), *WHOLE}
# Inputs that say how, and are known beforehand, by their places.
SETTINGS: dict[str, Sequence[int]] = {
    **dict.fromkeys(("Expand", "Reshape", "Split", "Squeeze", "Tile", "TopK", "Unsqueeze"), (1,)),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), (1, 2, 3, 4, 7)),
    "NonMaxSuppression": (2, 3, 4),
    "Pad": (1, 3),
    **dict.fromkeys(("Resize", "Upsample"), (1, 2, 3)),
    "Slice": (1, 2, 3, 4),
}
FOLDED = frozenset(("Constant", "ConstantOfShape", "Range", "Shape", "Size"))  # of what is known


class Compiled(BackendRep):
    """A model that is compiled as its inputs ask for."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model

    def run(self, inputs: Sequence[NDArray[Any]], **_: object) -> list[NDArray[np.float32]]:
        constants = {tensor.name for tensor in self.model.graph.initializer}
        names = [value.name for value in self.model.graph.input if value.name not in constants]
        given = dict(zip(names, map(np.asarray, inputs), strict=True))
        settings = {
            name
            for node in self.model.graph.node
            for place, name in enumerate(node.input)
            if place in SETTINGS.get(node.op_type, ())
            or (place == 1 and node.op_type.startswith("Reduce"))
        }
        return run(self.model, given, constants=settings)


class Compiler(Backend):
    """The compiler as ONNX's tests drive it."""

    @classmethod
    def prepare(cls, model: onnx.ModelProto, *_: object, **__: object) -> Compiled:
        return Compiled(model)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"


@cache
def models(category: Category) -> dict[str, onnx.ModelProto]:
    """The model of every test for the CPU."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnx divides by zero to make them
        for case in load_model_tests(kind=category):
            model = case.model
            if model is None and case.model_dir is not None:
                model = onnx.load(Path(case.model_dir) / "model.onnx")
            elif model is None:
                root = Path(onnx.__file__).parent.parent
                model = onnx.load(root / str(case.url))
            found[f"{case.name}_cpu"] = model
    return found


def why_not(name: str, model: onnx.ModelProto) -> str:
    """Why a test is left out, or ""."""
    operators = {node.op_type for node in model.graph.node}
    domains = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    claimed = {op for kernels in KERNELS for op in kernels.rules}
    if domains or not operators <= {*claimed, *VIEWS, "Dropout", *FOLDED}:
        return "an operator that is not claimed"
    for pattern, reason in EXCLUDED.items():
        if re.search(pattern, name):
            return reason
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [v for v in model.graph.input if v.name not in constants]
    for value in (*inputs, *model.graph.output):
        kind = value.type.tensor_type.elem_type
        if not kind or np.dtype(tensor_dtype_to_np_dtype(kind)) not in HELD:
            return "an input or output of another type"
    return ""


@pytest.fixture(scope="module")
def suite() -> Iterator[BackendTest]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield BackendTest(Compiler, __name__)


def passed(suite: BackendTest, category: Category, *, all_of_them: bool) -> int:
    """How many of the claimed tests pass, or of one for each operator's each set of attributes.

    Raises AssertionError when one fails.
    """
    left_out, failed, seen, count = Counter[str](), list[str](), set[tuple[str, ...]](), 0
    for name, function in dict(vars(suite.test_cases[CATEGORIES[category]])).items():
        if not name.endswith("_cpu"):
            continue
        model = models(category)[name]
        reason = why_not(name, model)
        ways = {(node.op_type, *(a.name for a in node.attribute)) for node in model.graph.node}
        left_out[reason] += 1
        if reason or (not all_of_them and ways <= seen):
            continue
        seen |= ways
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # infinite values in onnx's own comparisons
                function(unittest.TestCase())
            count += 1
        except (AssertionError, MartletError) as error:
            failed.append(f"{name}: {' '.join(str(error).split())[:300]}")
    print(f"{category}: {count} passed; left out: {dict(left_out)}")
    assert not failed, "\n".join(failed)
    return count


@pytest.mark.slow
def test_every_operator_with_all_its_attributes(suite: BackendTest) -> None:
    assert passed(suite, "node", all_of_them=False) >= 100


@pytest.mark.long
@pytest.mark.parametrize("category", LEAST)
def test_all_of_them(
    suite: BackendTest, category: Category, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ONNX_HOME", str(tmp_path))
    assert passed(suite, category, all_of_them=True) >= LEAST[category]


@pytest.mark.long
def test_every_excluded_pattern_excludes_something() -> None:
    names = list(models("node"))
    for pattern in EXCLUDED:
        assert any(re.search(pattern, name) for name in names), pattern
