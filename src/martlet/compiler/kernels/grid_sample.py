"""Maps read between their places, where a grid says at run time (GridSample)."""

from math import prod

from martlet.compiler.codegen.c_text import braced
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import shape_text
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels.activations import number
from martlet.compiler.kernels.generic import Generic, Rows, nest, row_steps

# The place that is read for a coordinate, by what lies outside the maps. `low` and `high` are the
# borders, and a coordinate that is no number counts as the first place.
REACH = "x > -1e6f ? x < 1e6f ? x : 1e6f : x != x ? 0 : -1e6f"  # what a long holds
OUTSIDE = {
    "zeros": "return x;",
    "border": "return x < 0 ? 0 : x > side - 1 ? side - 1 : x;",
    "reflection": """\
const float span = high - low;
  if (span <= 0) return 0;
  x = fmodf(fabsf(x - low), 2 * span);
  x = low + (x > span ? 2 * span - x : x);
  return x < 0 ? 0 : x > side - 1 ? side - 1 : x;""",
}
PLACE = """\
static float sampled_place(float x, float side, float low, float high) {{
  (void)side, (void)low, (void)high;
  x = {reach};
  {outside}
}}
"""
CUBIC = -0.75  # as PyTorch has it
CUBIC_WEIGHTS = f"""\
static void cubic_weights(float t, float *w) {{
  for (int k = 0; k < 4; k++) {{
    const float d = fabsf(t + 1 - (float)k);
    w[k] = d <= 1 ? (({CUBIC + 2}f * d - {CUBIC + 3}f) * d) * d + 1
                  : {CUBIC}f * (((d - 5) * d + 8) * d - 4);
  }}
}}
"""
TAPS = {"nearest": 1, "linear": 2, "cubic": 4}


class GridSample(Generic):
    """y[n, c, places] = x[n, c] at the coordinates grid[n, places], -1 to 1 along each axis.

    The last coordinate of a place is that of the first axis behind the channels.
    """

    operator = "resizing"

    def __init__(
        self, name: str, x: Rows, grid: Rows, y: Buffer, mode: str, outside: str, *, corners: bool
    ) -> None:
        super().__init__(name, [x, grid], y)
        self.x, self.mode, self.outside, self.corners = x, mode, outside, corners
        self.macs = prod(y.spatial) * TAPS[mode] ** len(x.shape[2:])

    def summary(self) -> str:
        size = shape_text(self.y.spatial)
        return f"{self.mode} between places of {shape_text(self.x.shape)}, to {size}"

    def emit(self, writer: Writer) -> str:
        place = PLACE.format(reach=REACH, outside=OUTSIDE[self.outside])
        called = writer.kernel("sampled_place", place)
        if self.mode == "cubic":
            writer.kernel("cubic_weights", CUBIC_WEIGHTS)
        sides, taps = self.x.shape[2:], TAPS[self.mode]
        rank, channels, size = len(sides), self.x.shape[1], prod(sides)
        lines = [f"long at[{rank}][{taps}];", f"float w[{rank}][{taps}];"]
        for axis, side in enumerate(sides):
            lines += self._axis(called, axis, side, rank - 1 - axis)
        lines += [f"for (long c = 0; c < {channels}; c++) {{", "  float s = 0;"]
        names = [f"k{axis}" for axis in range(rank)]
        steps = row_steps(sides)
        read = " + ".join(f"at[{axis}][{name}] * {steps[axis]}" for axis, name in enumerate(names))
        weight = " * ".join(f"w[{axis}][{name}]" for axis, name in enumerate(names))
        inside = [f"s += {weight} * a[(n * {channels} + c) * {size} + {read}];"]
        places = prod(self.y.spatial[2:])
        lines += [f"  {line}" for line in nest([taps] * rank, names, inside)]
        lines += [f"  y[(n * {channels} + c) * {places} + p] = s;", "}"]
        loop = braced(f"for (long p = 0; p < {places}; p++)", [
            f"const float *g = b + (n * {places} + p) * {rank};", *lines,
        ])  # fmt: skip
        count = self.x.shape[0]
        return self.function(
            writer, [f"for (long n = 0; n < {count}; n++)", *(f"  {line}" for line in loop)]
        )

    def _axis(self, called: str, axis: int, side: int, coordinate: int) -> list[str]:
        """Places and weights along an axis; a place outside weighs nothing, and the first is read.

        Of a cubic every tap is brought inside, of the others the coordinate.
        """
        low, high = (0.0, side - 1.0) if self.corners else (-0.5, side - 0.5)
        shift = (side - 1) / 2
        scale = shift if self.corners else side / 2
        borders = f"{number(side)}, {number(low)}, {number(high)}"
        x = f"g[{coordinate}] * {number(scale)} + {number(shift)}"
        lines = ["{"]
        if self.mode == "nearest":
            lines += [f"  const float x = {called}({x}, {borders}), first = rintf(x);"]
            weights = ["  w[{0}][0] = 1;"]
        elif self.mode == "linear":
            lines += [f"  const float x = {called}({x}, {borders}), first = floorf(x);"]
            weights = ["  w[{0}][1] = x - first, w[{0}][0] = 1 - w[{0}][1];"]
        else:
            lines += [
                f"  float x = {x};",
                f"  x = {REACH};",
                "  const float first = floorf(x) - 1;",
            ]
            weights = ["  cubic_weights(x - first - 1, w[{0}]);"]
        lines += [line.format(axis) for line in weights]
        tap = "first + (float)k"
        if self.mode == "cubic":
            tap = f"{called}({tap}, {borders})"
        lines += [
            f"  for (int k = 0; k < {TAPS[self.mode]}; k++) {{",
            f"    const float q = {tap};",
            f"    if (q < 0 || q > {side - 1}) w[{axis}][k] = 0;",
            f"    at[{axis}][k] = q < 0 || q > {side - 1} ? 0 : (long)q;",
            "  }",
            "}",
        ]
        return lines
