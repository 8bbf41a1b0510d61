"""Which operators may make whole numbers at run time, where they are held as floats."""

from martlet.compiler.ir.graph import WHOLE, Node, NumberType

# What gives one of the numbers that it reads, or the number of a place: exact in any type.
CHOOSING = frozenset((
    *("ArgMax", "ArgMin", "Clip", "Concat", "DepthToSpace", "Expand", "Flatten"),
    *("Gather", "GatherElements", "GatherND", "Identity", "Max", "MaxPool", "Min", "Pad"),
    "NonMaxSuppression",
    *("ReduceMax", "ReduceMin", "Relu", "Reshape", "Sign", "Slice", "SpaceToDepth", "Split"),
    *("Squeeze", "Tile", "TopK", "Transpose", "Unsqueeze", "Where"),
    *("Cast", "CastLike", "QuantizeLinear", "Resize", "Upsample"),
))  # fmt: skip
# What can leave the range of a small type, where ONNX begins again from its other end.
COUNTING = frozenset((
    *("Abs", "Add", "IntegerDiv", "Mod", "Mul", "Neg", "ReduceProd", "ReduceSum"),
    *("Sub", "Sum"),
))  # fmt: skip
WIDE = tuple(kind for kind in WHOLE if kind.itemsize >= 4)


def check_whole_number(node: Node, name: str, kind: NumberType) -> None:
    """Raises MartletError where an output of whole numbers is not made as floats can make it."""
    if node.op in CHOOSING or (node.op in COUNTING and kind in WIDE):
        return
    of = "32 and 64 bits" if node.op in COUNTING else "float32"
    raise node.fail(f"its output {name!r} is {kind}; of {of} it is supported")
