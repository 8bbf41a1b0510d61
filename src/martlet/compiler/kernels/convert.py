"""The caller's arrays of whole numbers and truth values: floats are made of them, and back."""

import numpy as np

from martlet.compiler.codegen.c_text import c_type
from martlet.compiler.codegen.writer import Kernel, Writer
from martlet.compiler.ir.graph import FLOAT32, TRUTH, NumberType
from martlet.compiler.ir.tensor_view import Buffer


class Convert(Kernel):
    """y[i] = x[start + i], each as its own type has it; of float what a type cannot hold is cut."""

    operator = "copy"

    def __init__(self, name: str, x: Buffer, start: int, y: Buffer) -> None:
        self.name, self.x, self.start, self.y = name, x, start, y
        self.reads, self.writes = [x], [y]

    def summary(self) -> str:
        return f"{self.y.places} numbers, {self.x.dtype} as {self.y.dtype}"

    def emit(self, writer: Writer) -> str:
        name, x, y = writer.name(f"{self.c_name}_layer"), self.x, self.y
        value = "from[i]"
        if x.dtype == FLOAT32 and y.dtype == TRUTH:
            value = "from[i] != 0"
        elif x.dtype == FLOAT32:
            low, high = limits(y.dtype)
            value = f"from[i] >= {low} ? from[i] <= {high} ? from[i] : {high} : {low}"
        body = [f"for (long i = 0; i < {y.places}; i++) to[i] = ({c_type(y.dtype)})({value});"]
        writer.function(
            f"static void {name}(const {c_type(x.dtype)} *from, {c_type(y.dtype)} *to)", body
        )
        places = [writer.schedule[x].start + self.start, writer.schedule[y].start]
        given = (f"{b.base} + {at}" for b, at in zip((x, y), places, strict=True))
        return f"{name}({', '.join(given)})"


def limits(kind: NumberType) -> tuple[str, str]:
    """The least and the largest float that a whole number of this type can be, in C."""
    about = np.iinfo(kind)
    high = np.float32(about.max)
    if int(high) > about.max:
        high = np.nextafter(high, np.float32(0))
    return f"{float(about.min):.1f}f", f"{float(high):.1f}f"
