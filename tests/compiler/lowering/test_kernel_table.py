from collections.abc import Sequence

import numpy as np
import onnx
import pytest

from martlet.compiler.frontend.importer import read_model
from martlet.compiler.ir.graph import FLOAT32, Node
from martlet.compiler.ir.tensor_view import Maps
from martlet.compiler.lowering.context import Kernels, Lowering, rules_for
from martlet.compiler.lowering.kernel_table import KERNELS
from martlet.compiler.lowering.lower import lower
from martlet.compiler.targets import target
from martlet.errors import MartletError

INT8 = np.dtype(np.int8)


def in_int8(nodes: str) -> onnx.ModelProto:
    """A network of bytes, from x to y."""
    return onnx.parser.parse_model(
        '<ir_version: 9, opset_import: ["" : 17]> '
        f"network (int8[1,40] x) => (int8[1,40] y) {{ {nodes} }}"
    )


def toy_rule(low: Lowering, node: Node) -> Maps:
    """Handed through: where the result lies is what is looked at."""
    y = low.in_rows(low.graph.shapes[node.outputs[0]], dtype=INT8)
    low.copy(node.name, low.maps[node.inputs[0]], y)
    return y


# What int8 will be: one more row, here for machines with vectors of 16 lanes.
TOY = Kernels("toy", {"Relu": toy_rule}, (INT8,), lambda chosen: chosen.lanes == 16)


def test_another_number_type_is_served_by_one_more_row() -> None:
    wide, narrow = target("x86-64-v4"), target("x86-64-v3")
    table = (*KERNELS, TOY)
    assert rules_for(table, "Relu", INT8, wide) == [toy_rule]
    assert rules_for(table, "Relu", INT8, narrow) == []
    assert toy_rule not in rules_for(table, "Relu", FLOAT32, wide)
    program = lower(read_model(in_int8("y = Relu (x)")), wide, table)
    assert {maps.dtype for _, maps in (*program.inputs, *program.outputs)} == {INT8}
    assert [buffer.bytes for buffer in program.buffers] == [40, 40, 40]
    assert program.layers[0].moved == 2 * 40


@pytest.mark.parametrize(
    ("nodes", "machine", "table", "sentence"),
    [
        ("y = Neg (x)", "x86-64-v4", KERNELS, "'y' is int8; of 32 and 64 bits it is supported"),
        ("y = Neg (x)", "x86-64-v3", (*KERNELS, TOY), "'y' is int8; of 32 and 64 bits it is"),
        (
            "t = Relu (x) y = Neg (t)",
            "x86-64-v4",
            (*KERNELS, TOY),
            r"\(Neg\) .* no kernel for it in int8 serves target='x86-64-v4'; accepted: float32",
        ),
    ],
)
def test_what_no_kernel_serves_is_one_sentence(
    nodes: str, machine: str, table: Sequence[Kernels], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        lower(read_model(in_int8(nodes)), target(machine), table)
