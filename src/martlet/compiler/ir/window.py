"""Windows that move over maps: where they stand and what they see."""

from dataclasses import dataclass, replace
from math import prod

from martlet.compiler.ir.graph import Graph, Node, Shape

Three = tuple[int, int, int]


@dataclass(frozen=True)
class Window:
    """Sizes along depth, rows and columns; maps of fewer axes have 1 in front."""

    size: Three  # of the input map
    kernel: Three
    stride: Three
    pad: Three  # in front
    dilation: Three
    out: Three
    spatial: Shape  # `out` as the tensor has it

    @property
    def is_pointwise(self) -> bool:
        """Whether each output place reads the same input place."""
        return self.kernel == self.stride == (1, 1, 1) and self.size == self.out

    @property
    def is_flat(self) -> bool:
        """Whether it moves over rows and columns alone, so that its rows are those of one map."""
        return self.size[0] == self.out[0] == self.kernel[0] == 1

    @property
    def rows(self) -> int:
        """Output rows, those of all depths together."""
        return self.out[0] * self.out[1]

    @property
    def name(self) -> str:
        """A C name of all that the window is."""
        parts = (("k", self.kernel), ("s", self.stride), ("p", self.pad), ("d", self.dilation))
        words = [letter + "x".join(map(str, values[-2:])) for letter, values in parts]
        name = "_".join(words) + f"_{self.size[1]}x{self.size[2]}"
        if self.size[0] == 1:
            return name
        return "x".join(str(values[0]) for _, values in parts) + f"_{name}"

    def __str__(self) -> str:
        sides = self.kernel[1:] if self.kernel[0] == 1 else self.kernel
        stride = f" stride {max(self.stride)}" if max(self.stride) > 1 else ""
        return "×".join(map(str, sides)) + stride

    @property
    def is_deep(self) -> bool:
        """Whether it sees more than one depth, or moves along several."""
        return self.kernel[0] > 1 or self.size[0] > 1

    def over_depths(
        self, body: list[str], pointer: str, sheet: str, skip: str = "continue;"
    ) -> list[str]:
        """C lines `body` for each depth that one row of the output sees.

        `pointer` is C text of where a depth begins, up to where it counts from, and `sheet` how
        many floats a depth has; `skip` is what is done for one outside the map.
        """
        if not self.is_deep:
            return body
        threes = self.kernel, self.stride, self.pad, self.dilation
        kernel, stride, pad, dilation = (values[0] for values in threes)
        return [
            f"for (int j = 0; j < {kernel}; j++) {{",
            f"  const int sheet = row / {self.out[1]} * {stride} - {pad} + j * {dilation};",
            f"  if ((unsigned)sheet >= {self.size[0]}u) {skip}",
            f"  const float *{pointer} + (long)sheet * {sheet};",
            *(f"  {text}" for text in body),
            "}",
        ]

    def first_row(self, row: int) -> int:
        """The first input row that output row `row` sees; two-dimensional maps only."""
        return max(0, row * self.stride[1] - self.pad[1])

    def rows_for(self, rows: int) -> int:
        """Input rows that the first `rows` output rows need."""
        reach = (rows - 1) * self.stride[1] - self.pad[1] + (self.kernel[1] - 1) * self.dilation[1]
        return max(0, min(self.size[1], reach + 1))

    def made_with(self, rows: int) -> int:
        """Rows that there are when `rows` are asked for: more, where several are made at once."""
        return rows

    def tiles(self, widest: int) -> list[tuple[int, int, int]]:
        """Tiles of a row: (first column, width, how many alike). One at a border stands alone."""
        found, start = [], 0
        while start < self.out[2]:
            wide, times = min(widest, self.out[2] - start), 1
            if self.is_inside(start, wide):
                while self.is_inside(start + times * wide, wide):
                    times += 1
            found.append((start, wide, times))
            start += times * wide
        return found

    def is_inside(self, start: int, wide: int) -> bool:
        """Whether these output columns exist and no window of theirs sticks out to the side."""
        ends = self._column(start, 0), self._column(start + wide - 1, self.kernel[2] - 1)
        return start + wide <= self.out[2] and None not in ends

    def _column(self, out: int, tap: int) -> int | None:
        column = out * self.stride[2] - self.pad[2] + tap * self.dilation[2]
        return column if 0 <= column < self.size[2] else None

    def taps(self, start: int, place: int) -> list[tuple[int, int]]:
        """(tap, columns from where the tile's first window begins) of taps inside the map."""
        return [
            (tap, place * self.stride[2] + tap * self.dilation[2])
            for tap in range(self.kernel[2])
            if self._column(start + place, tap) is not None
        ]


@dataclass(frozen=True)
class Sliding:
    """A window along each axis of a map; `before` and `behind` is what the map is padded with."""

    size: Shape  # of the input map
    kernel: Shape
    stride: Shape
    before: Shape
    behind: Shape
    dilation: Shape
    out: Shape

    def place(self, axis: int) -> str:
        """The C expression of an input place for output o and tap k; it may lie outside."""
        return (
            f"o{axis} * {self.stride[axis]} + k{axis} * {self.dilation[axis]} - {self.before[axis]}"
        )

    def counts(self, axis: int, padding: bool) -> list[int]:
        """For each output how many taps lie on the map, or on the map and its padding."""
        before, stride, dilation = self.before[axis], self.stride[axis], self.dilation[axis]
        seen = range(self.size[axis])
        if padding:
            seen = range(-before, self.size[axis] + self.behind[axis])
        return [
            sum(out * stride - before + k * dilation in seen for k in range(self.kernel[axis]))
            for out in range(self.out[axis])
        ]

    def __str__(self) -> str:
        stride = f" stride {max(self.stride)}" if max(self.stride, default=1) > 1 else ""
        return "×".join(map(str, self.kernel)) + stride


def sliding(node: Node, size: Shape, out: Shape, kernel: Shape) -> Sliding:
    """The window of a convolution or pool node from maps of `size` to maps of `out`.

    Raises MartletError when the attributes are of another number of axes.
    """
    rank, given = len(kernel), node.attributes
    stride, dilation = (
        tuple(map(int, given.get(key) or [1] * rank)) for key in ("strides", "dilations")
    )
    pads = [int(p) for p in given.get("pads") or [0] * 2 * rank]
    if not len(size) == len(stride) == len(dilation) == rank or len(pads) != 2 * rank:
        raise node.fail(f"its window has {rank} axes and its maps {len(size)}")
    auto = given.get("auto_pad", b"NOTSET")
    if auto in (b"SAME_UPPER", b"SAME_LOWER"):
        for axis in range(rank):
            reach = (out[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1
            total = max(0, reach - size[axis])
            less, more = total // 2, total - total // 2
            pads[axis], pads[rank + axis] = (less, more) if auto == b"SAME_UPPER" else (more, less)
    elif auto == b"VALID":
        pads = [0] * 2 * rank
    return Sliding(size, kernel, stride, tuple(pads[:rank]), tuple(pads[rank:]), dilation, out)


def transposed(node: Node, size: Shape, out: Shape, kernel: Shape) -> Sliding:
    """The window of a transposed convolution node from maps of `size` to maps of `out`.

    Raises MartletError when the attributes are of another number of axes.
    """
    window = sliding(node, size, out, kernel)
    auto = node.attributes.get("auto_pad", b"NOTSET")
    if "output_shape" not in node.attributes and auto not in (b"SAME_UPPER", b"SAME_LOWER"):
        return window
    extra = [int(more) for more in node.attributes.get("output_padding") or [0] * len(size)]
    before = []
    for axis, side in enumerate(size):
        reach = (kernel[axis] - 1) * window.dilation[axis] + 1
        total = max(0, window.stride[axis] * (side - 1) + extra[axis] + reach - out[axis])
        before.append(total // 2 if auto == b"SAME_UPPER" else total - total // 2)
    return replace(window, before=tuple(before))


def window_of(graph: Graph, node: Node, kernel: Shape) -> Window:
    """The window of a Conv or pool node."""
    size, out = graph.shapes[node.inputs[0]][2:], graph.shapes[node.outputs[0]][2:]
    rank = len(kernel)
    if not 1 <= rank <= 3 or len(size) != rank:
        raise node.fail(f"a window of {rank} axes is not supported; 1, 2 and 3 are")
    return in_three(sliding(node, size, out, kernel))


def in_three(window: Sliding) -> Window:
    """A window of up to three axes, without what lies behind the map."""

    def three(values: Shape, filler: int) -> Three:
        filled = [filler] * (3 - len(values)) + [*values]
        return filled[0], filled[1], filled[2]

    return Window(
        three(window.size, 1), three(window.kernel, 1), three(window.stride, 1),
        three(window.before, 0), three(window.dilation, 1), three(window.out, 1), window.out,
    )  # fmt: skip


def pointwise(spatial: Shape) -> Window:
    """The window that is one place."""
    one = (1, 1, 1)
    size = (1, 1, prod(spatial))
    return Window(size, one, one, (0, 0, 0), one, size, spatial)
