"""ONNX's own tests of operators and networks, for every operator that the compiler claims."""

import re
import unittest
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.backend.test import BackendTest
from onnx.backend.test.loader import load_model_tests
from tests.compiler.onnx_backend import MartletBackend, MartletRep

from martlet.compiler.lowering.kernel_table import KERNELS
from martlet.compiler.lowering.views import RENAMING
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
# not float32 are found by their types: see `why_not`.
EXCLUDED = {
    r"^test_batchnorm_\w+_training_mode_cpu": "statistics of the batch are for training",
    r"^test_training_dropout_\w*cpu": "dropping values is for training",
    r"^test_not_[234]d_cpu": "operator set 1; 6 and later are accepted",
    r"^test_range_\w+": "a length that follows from values at run time",
    r"^test_attention_local_window_gqa_rank4_mask_expanded_cpu": "float64 inside",
    r"^test_identity_(sequence|opt)_cpu": "sequences and optional values",
}
LEAST = {"node": 755, "simple": 7, "pytorch-operator": 29, "pytorch-converted": 80, "real": 9}
FOLDED = frozenset(("Constant", "ConstantOfShape", "Range", "Shape", "Size"))  # of what is known
# A test or two of each operator of the networks that the compiler is made for.
QUICK = (
    *("conv_with_strides_padding", "conv_with_autopad_same", "basic_conv_without_padding"),
    *("batchnorm_example", "batchnorm_epsilon", "gemm_all_attributes", "gemm_default_no_bias"),
    *("maxpool_2d_ceil", "maxpool_2d_dilations", "averagepool_2d_pads_count_include_pad"),
    *("averagepool_2d_strides", "globalaveragepool", "reduce_mean_keepdims_example"),
    *("softmax_axis_1", "softmax_large_number", "concat_3d_axis_1", "concat_3d_axis_negative_1"),
    *("split_equal_parts_2d", "transpose_all_permutations_3", "reshape_negative_dim"),
    *("slice_neg_steps", "slice_negative_axes", "clip_example", "clip_default_min", "hardswish"),
    *("hardsigmoid_example", "sigmoid", "relu", "add_bcast", "mul_bcast", "constant_pad"),
    *("matmul_2d", "matmul_4d", "squeeze_negative_axes", "flatten_axis1"),
)


class Quick(MartletBackend):
    """As the compiler is, but for the C compiler's effort; its warnings are errors."""

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> MartletRep:
        return super().prepare(model, device, flags=("-O1", "-Werror"), **kwargs)


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
    if domains or not operators <= {*claimed, *RENAMING, "Dropout", *FOLDED}:
        return "an operator that is not claimed"
    for pattern, reason in EXCLUDED.items():
        if re.search(pattern, name):
            return reason
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [v for v in model.graph.input if v.name not in constants]
    for value in model.graph.output:
        if value.type.tensor_type.elem_type != TensorProto.FLOAT:
            return "an output that is not float32"
    if not any(v.type.tensor_type.elem_type == TensorProto.FLOAT for v in inputs):
        return "no float32 among its inputs: computed before there is C"
    return ""


@pytest.fixture(scope="module")
def suite() -> Iterator[Callable[[Category], dict[str, Any]]]:
    """The test functions of a category by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = BackendTest(Quick, __name__)

        def of(category: Category) -> dict[str, Any]:
            return {
                name: function
                for name, function in vars(whole.test_cases[CATEGORIES[category]]).items()
                if name.endswith("_cpu")
            }

        yield of


def run(tests: dict[str, Any], category: Category, record: Callable[[str, object], None]) -> int:
    """Run the claimed ones among the tests; returns how many pass. A failure fails the test."""
    left_out: Counter[str] = Counter()
    passed, failed = [], []
    for name, function in tests.items():
        reason = why_not(name, models(category)[name])
        if reason:
            left_out[reason] += 1
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # infinite values in onnx's own comparisons
                function(unittest.TestCase())
            passed.append(name)
        except (AssertionError, MartletError) as error:
            failed.append(f"{name}: {' '.join(str(error).split())[:300]}")
    record("passed", len(passed))
    record("names", " ".join(passed))
    record("left_out", dict(left_out))
    print(f"{category}: {len(passed)} passed, {len(failed)} failed; left out: {dict(left_out)}")
    print("passed: " + " ".join(name.removesuffix("_cpu") for name in passed))
    assert not failed, "\n".join(failed)
    return len(passed)


def test_operators_of_the_networks_it_is_made_for(
    suite: Callable[[Category], dict[str, Any]], record_property: Callable[[str, object], None]
) -> None:
    tests = suite("node")
    chosen = {name: tests[name] for name in (f"test_{word}_cpu" for word in QUICK)}
    assert run(chosen, "node", record_property) == len(QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("category", LEAST)
def test_every_operator_that_is_claimed(
    suite: Callable[[Category], dict[str, Any]],
    category: Category,
    record_property: Callable[[str, object], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("ONNX_HOME", str(tmp_path))
    assert run(suite(category), category, record_property) >= LEAST[category]


@pytest.mark.slow
def test_every_excluded_pattern_excludes_something() -> None:
    names = list(models("node"))
    for pattern in EXCLUDED:
        assert any(re.search(pattern, name) for name in names), pattern


def test_runs_a_node_and_says_what_it_cannot() -> None:
    x = np.array([[-1.0, 2.0]], np.float32)
    node = helper.make_node("Relu", ["x"], ["y"])
    (found,) = Quick.run_node(node, [x])
    np.testing.assert_array_equal(found, [[0.0, 2.0]])
    side = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])
    relu = helper.make_model(helper.make_graph([node], "relu", [side], [out]))
    assert Quick.supports_device("CPU")
    assert not Quick.supports_device("CUDA")
    with pytest.raises(MartletError, match="device='CUDA'"):
        Quick.prepare(relu, "CUDA")
    with pytest.raises(MartletError, match="takes 1 inputs, not 2"):
        Quick.prepare(relu).run([x, x])
