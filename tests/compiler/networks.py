"""Small ONNX networks that tests make for themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tests.compiler.onnx_backend import MartletBackend

Values = Mapping[str, NDArray[Any]]


def network(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Mapping[str, Sequence[int | str] | None],
    constants: Values | None = None,
    opset: int = 17,
) -> onnx.ModelProto:
    """A model of float32 inputs and outputs."""

    def told(sides: Mapping[str, Sequence[int | str] | None]) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in sides.items()
        ]

    given = [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(nodes, "network", told(inputs), told(outputs), given)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def random(seed: int, *shape: int) -> NDArray[np.float32]:
    """Normal random numbers."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def shuffle_unit() -> onnx.ModelProto:
    """Convolution, batch normalisation, shuffle, split, pool, fully connected: 1×4×8×8 to 1×3."""
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c", "g", "s", "m", "v"], ["n"], name="norm"),
        node("Relu", ["n"], ["r"], name="relu"),
        node("Shape", ["r"], ["shape"]),
        node("Slice", ["shape", "zero", "one"], ["batch"]),
        node("Concat", ["batch", "grouped"], ["five"], axis=0),
        node("Reshape", ["r", "five"], ["a"]),
        node("Transpose", ["a"], ["t"], perm=[0, 2, 1, 3, 4]),
        node("Reshape", ["t", "four"], ["d"]),
        node("Split", ["d"], ["left", "right"], axis=1),
        node("Add", ["left", "right"], ["sum"]),
        node("GlobalAveragePool", ["sum"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("Gemm", ["f", "k", "q"], ["y"], transB=1, name="classes"),
    ]
    constants = {
        "w": random(1, 8, 4, 3, 3), "b": random(2, 8), "g": random(3, 8), "s": random(4, 8),
        "m": random(5, 8), "v": np.abs(random(6, 8)), "zero": np.array([0]), "one": np.array([1]),
        "grouped": np.array([2, 4, 8, 8]), "four": np.array([-1, 8, 8, 8]),
        "k": random(7, 3, 4), "q": random(8, 3),
    }  # fmt: skip
    return network(nodes, {"x": ["batch", 4, 8, 8]}, {"y": ["batch", 3]}, constants)


def rearranged() -> onnx.ModelProto:
    """Operators that take axes, sizes and indices."""
    node = helper.make_node
    nodes = [
        node("Pad", ["x", "pads"], ["p"], mode="reflect"),
        node("Unsqueeze", ["p", "axes"], ["u"]),
        node("Tile", ["u", "repeats"], ["t"]),
        node("Gather", ["t", "indices"], ["g"], axis=2),
        node("ReduceMax", ["g"], ["m"], axes=[-1], keepdims=0),
        node("Softmax", ["m"], ["s"], axis=1),
        node("Constant", [], ["two"], value=numpy_helper.from_array(np.float32(2))),
        node("Pow", ["s", "two"], ["y"]),
    ]
    constants = {
        "pads": np.array([0, 0, 1, 0, 0, 2]), "axes": np.array([1]),
        "repeats": np.array([1, 2, 1, 1]), "indices": np.array([2, 0, -1]),
    }  # fmt: skip
    return network(nodes, {"x": [2, 3, 4]}, {"y": None}, constants)


def error(model: onnx.ModelProto, *inputs: NDArray[np.float32], target: str = "native") -> float:
    """The largest difference to ONNX Runtime, as a share of the output's scale."""
    wanted = onnxruntime.InferenceSession(model.SerializeToString()).run(
        None, {value.name: x for value, x in zip(model.graph.input, inputs, strict=True)}
    )
    flags = ("-O1", "-Werror")
    found = MartletBackend.prepare(model, target=target, flags=flags).run(inputs)
    worst = 0.0
    for y, expected in zip(found, wanted, strict=True):
        assert y.shape == expected.shape
        worst = max(worst, float(np.abs(y - expected).max() / max(1e-6, np.abs(expected).max())))
    return worst
