"""Small ONNX networks that tests make for themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tests.compiler.graphs import by_onnx_runtime, random, rearranged, run, shuffle_unit
from tests.compiler.graphs import error as share

__all__ = ["error", "network", "random", "rearranged", "shuffle_unit"]
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


def error(model: onnx.ModelProto, *inputs: NDArray[np.float32], target: str = "native") -> float:
    """The largest difference to ONNX Runtime, as a share of the output's scale."""
    names = [value.name for value in model.graph.input]
    found = run(model, dict(zip(names, inputs, strict=True)), target)
    return max(map(share, found, by_onnx_runtime(model, *inputs)))
