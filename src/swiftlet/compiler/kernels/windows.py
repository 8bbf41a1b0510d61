"""Windows that move over maps: direct and depthwise convolutions, and pooling."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from swiftlet.compiler.graph import Node, Shape
from swiftlet.compiler.kernels import activations
from swiftlet.compiler.program import Buffer, Maps, Step, Writer

if TYPE_CHECKING:
    from swiftlet.compiler.lower import Lowering

TILE = 8  # output places that a depthwise convolution or a pool makes at once


@dataclass(frozen=True)
class Window:
    """Sides, strides, padding and dilation; one-dimensional maps are one row high."""

    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]  # above and left
    dilation: tuple[int, int]
    out: Shape

    @classmethod
    def pointwise(cls, spatial: Shape) -> "Window":
        """The window that is one place."""
        return cls((1, 1), (1, 1), (1, 1), (0, 0), (1, 1), spatial)

    @property
    def is_pointwise(self) -> bool:
        """Whether each output place reads the same input place."""
        return self.kernel == self.stride == (1, 1) and self.pad == (0, 0)

    @property
    def title(self) -> str:
        """For comments."""
        return f"{self.kernel[0]}×{self.kernel[1]} stride {self.stride[0]}"

    def columns(self, wide: int) -> list[tuple[int, int, int]]:
        """Tiles of a row: (first output, width, how many), those that touch a border alone."""
        outs, (_, w) = self.out[-1], self.size
        (_, kw), (_, s), (_, pad), (_, d) = self.kernel, self.stride, self.pad, self.dilation
        inside = [o for o in range(outs) if o * s - pad >= 0 and o * s - pad + (kw - 1) * d < w]
        first, last = (inside[0], inside[-1] + 1) if inside else (outs, outs)
        tiles = []
        for start, end, alone in ((0, first, True), (first, last, False), (last, outs, True)):
            while start < end:
                width = min(wide, end - start)
                times = 1 if alone else max(1, (end - start) // width)
                tiles.append((start, width, times))
                start += width * times
        return tiles

    def taps(self, start: int, place: int) -> list[tuple[int, int]]:
        """(column of the window, column of the map relative to the tile's first) inside the map."""
        (_, w), (_, kw), (_, s), (_, pad), (_, d) = self.size, self.kernel, self.stride, self.pad, self.dilation
        found = []
        for tap in range(kw):
            column = (start + place) * s - pad + tap * d
            if 0 <= column < w:
                found.append((tap, place * s + tap * d))
        return found

    def rows(self, writer: Writer, layer: Any, blocks: int, runs: Any, args: str) -> list[str]:
        """Calls of the direct convolution's tiles for all rows."""
        wide = runs[0][0]
        lines = [f"for (int row = 0; row < {prod(self.out[:-1])}; row++) {{"]
        for start, width, times in self.columns(wide):
            kernel = direct(writer, layer, self, blocks, width, start if times == 1 else None, start)
            if times == 1:
                lines.append(f"  {kernel}({args}, row, {start});")
            else:
                end = start + width * times
                lines.append(f"  for (int p = {start}; p < {end}; p += {width}) {kernel}({args}, row, p);")
        return [*lines, "}"]


def window_of(low: "Lowering", node: Node, kernel: Shape) -> Window:
    """The window of a Conv or pool node."""
    x = low.graph.shapes[node.inputs[0]]
    out = low.graph.shapes[node.outputs[0]][2:]
    rank = len(kernel)
    if rank not in (1, 2):
        raise node.fail(f"windows of {rank} axes are not supported; 1 and 2 are")
    strides = tuple(node.attributes.get("strides", [1] * rank))
    dilation = tuple(node.attributes.get("dilations", [1] * rank))
    pads = list(node.attributes.get("pads", [0] * 2 * rank))[:rank]
    auto = node.attributes.get("auto_pad", b"NOTSET")
    if auto in (b"SAME_UPPER", b"SAME_LOWER"):
        for axis in range(rank):
            total = max(0, (out[axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilation[axis] + 1 - x[2 + axis])
            pads[axis] = total // 2 if auto == b"SAME_UPPER" else total - total // 2

    def two(values: Any, filler: int) -> tuple[int, int]:
        return tuple([filler] * (2 - rank) + [int(value) for value in values])  # type: ignore[return-value]

    return Window(two(x[2:], 1), two(kernel, 1), two(strides, 1), two(pads, 0), two(dilation, 1), tuple(out))


def direct(
    writer: Writer, layer: Any, window: Window, blocks: int, wide: int, border: int | None, start: int
) -> str:
    """The C function of one tile of a direct convolution; `border` is its place if that matters."""
    act, after, suffix = layer.epilogue(writer)
    (h, w), (kh, kw), (sh, sw), (ph, pw), (dh, _) = (
        window.size, window.kernel, window.stride, window.pad, window.dilation,
    )  # fmt: skip
    lanes = layer.x.lanes
    taps = {p: window.taps(start, p) for p in range(wide)}
    is_border = any(len(found) < kw for found in taps.values())
    name = (
        f"direct_{kh}x{kw}s{sh}{sw}p{ph}{pw}d{dh}_{h}x{w}_{blocks}x{wide}_{lanes}{suffix}"
        + (f"_from{start}" if is_border else "")
    )
    acc = [[f"a{b}_{p}" for p in range(wide)] for b in range(blocks)]
    lines = []
    for b in range(blocks):
        lines.append(f"const v bias{b} = load(w + {b} * V);")
        lines.append(f"v {', '.join(f'{a} = bias{b}' for a in acc[b])};")
    lines.append(f"w += {blocks} * V;")
    lines.append(f"const int top = row * {sh} - {ph};")
    shift = f"{sw} * place - {pw}"
    lines.append("for (int c = 0; c < channels; c++) {")
    lines.append(f"  const float *restrict q = x + at[c] + (long)({shift}) * {lanes};")
    lines.append(f"  for (int k = 0; k < {kh}; k++, w += {kw * blocks} * V) {{")
    lines.append(f"    const int line = top + k * {dh};")
    if ph or window.out[0] * sh - ph + (kh - 1) * dh >= h:
        lines.append(f"    if ((unsigned)line >= {h}u) continue;")
    lines.append(f"    const float *restrict l = q + (long)line * {w * lanes};")
    for tap in range(kw):
        used = [(p, column) for p in range(wide) for t, column in taps[p] if t == tap]
        if not used:
            continue
        lines.append(
            "    { " + " ".join(f"const v w{b} = load(w + {(tap * blocks + b)} * V);" for b in range(blocks))
        )
        for p, column in used:
            products = " ".join(f"{acc[b][p]} += w{b} * t;" for b in range(blocks))
            lines.append(f"      {{ const float t = l[{column * lanes}]; {products} }}")
        lines.append("    }")
    lines += ["  }", "}", f"place += row * {window.out[-1]};"]
    lines += layer.finish(blocks, wide, acc, act, after)
    text = "\n".join(f"  {line}" for line in lines)
    head = (
        f"static void {name}(const float *restrict x, const int32_t *restrict at, int channels,\n"
        f"    const float *restrict w, float *restrict y, const int32_t *restrict add, int row, int place)"
    )
    return writer.kernel(name, f"{head} {{\n{text}\n}}\n")


def depthwise(low: "Lowering", node: Node, x: Maps, weight: Any, bias: Any, window: Window) -> Maps:
    """Each lane by itself; blocks stay as they lie."""
    lanes = low.program.lanes
    order = used_blocks(x)
    taps = prod(window.kernel)
    packed = np.zeros((len(order), 1 + taps, lanes), np.float32)
    numbers = {place: number for number, place in enumerate(order)}
    for channel, (b, offset) in enumerate(x.where.reshape(-1, 2)):
        block, lane = divmod(int(offset), x.places * lanes)
        packed[numbers[int(b), block], 0, lane] = bias[channel]
        packed[numbers[int(b), block], 1:, lane] = weight[channel].reshape(-1)

    def body(writer: Writer, is_border: bool, start: int, wide: int) -> tuple[str, str]:
        act = activations.function(node.attributes.get("act"), writer)
        return ("depthwise", act)

    return blockwise(low, node, x, window, packed, "depthwise", prod(window.out) * weight.size)


def used_blocks(x: Maps) -> list[tuple[int, int]]:
    """(buffer, block) of all blocks that hold channels of `x`, in the order of the channels."""
    size = x.places * x.lanes
    return list(dict.fromkeys((int(b), int(o) // size) for b, o in x.where.reshape(-1, 2)))


def blockwise(
    low: "Lowering", node: Node, x: Maps, window: Window, packed: Any, kind: str, macs: int
) -> Maps:
    """A step that makes an output block from each input block, lane by lane."""
    program, lanes = low.program, low.program.lanes
    order = used_blocks(x)
    y = program.buffer(len(order) * lanes, prod(window.out), lanes)
    numbers = {place: number for number, place in enumerate(order)}
    where = np.empty_like(x.where)
    for index in np.ndindex(*x.where.shape[:-1]):
        b, offset = x.where[index]
        block, lane = divmod(int(offset), x.places * lanes)
        where[index] = 0, numbers[int(b), block] * y.places * lanes + lane

    def emit(writer: Writer) -> str:
        act = activations.function(node.attributes.get("act"), writer)
        name = _window_function(writer, window, kind, act, node, x.lanes)
        at = [x.buffers[b].at + block * x.places * lanes for b, block in order]
        step = node_name(node)
        writer.tables.append(f"static const int32_t {step}_at[{len(at)}] = {{{', '.join(map(str, at))}}};\n")
        w = "weights" if packed is None else f"weights + {writer.weight(packed)}"
        writer.functions.append(
            f"static void {step}(float *restrict work, const float *restrict weights) {{\n"
            f"  for (int b = 0; b < {len(at)}; b++)\n"
            f"    {name}(work + {step}_at[b], {w} + (long)b * {0 if packed is None else packed.shape[1] * lanes}, "
            f"work + {y.at} + (long)b * {y.places * lanes});\n}}\n"
        )
        return f"{step}(work, weights);"

    shape = f"{'×'.join(map(str, x.spatial))} → {'×'.join(map(str, window.out))}"
    program.steps.append(
        Step(node.name, list(x.buffers), [y], emit, macs, 0, f"{kind} {window.title}, {len(order)} blocks of {shape}")
    )
    return Maps((y,), where, window.out)


def _window_function(writer: Writer, window: Window, kind: str, act: str, node: Node, lanes: int) -> str:
    """The C function that makes one block of maps."""
    (h, w), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = (
        window.size, window.kernel, window.stride, window.pad, window.dilation,
    )  # fmt: skip
    rows, outs = prod(window.out[:-1]), window.out[-1]
    whole = bool(node.attributes.get("count_include_pad", 0))
    name = f"{kind}_{kh}x{kw}s{sh}{sw}p{ph}{pw}d{dh}{dw}_{h}x{w}_{rows}x{outs}" + (f"_{act}" if act else "")
    if kind == "average" and whole:
        name += "_whole"
    first = {"depthwise": "load(w)", "max": "fill(-INFINITY)", "average": "fill(0)"}[kind]
    lines = [f"for (int row = 0; row < {rows}; row++) {{", f"  const int top = row * {sh} - {ph};"]
    for start, wide, times in window.columns(TILE):
        taps = {p: window.taps(start, p) for p in range(wide)}
        end = start + wide * times
        lines.append(f"  for (int p = {start}; p < {end}; p += {wide}) {{")
        lines.append(f"    v {', '.join(f'a{p} = {first}' for p in range(wide))};")
        if kind == "average" and not whole:
            lines.append("    int lines = 0;")
        lines.append(f"    for (int k = 0; k < {kh}; k++) {{")
        lines.append(f"      const int line = top + k * {dh};")
        lines.append(f"      if ((unsigned)line >= {h}u) continue;")
        if kind == "average" and not whole:
            lines.append("      lines++;")
        lines.append(f"      const float *restrict l = x + ((long)line * {w} + {sw} * p - {pw}) * V;")
        for tap in range(kw):
            used = [(p, column) for p in range(wide) for t, column in taps[p] if t == tap]
            if not used:
                continue
            if kind == "depthwise":
                lines.append(f"      {{ const v t = load(w + (1 + k * {kw} + {tap}) * V);")
                lines += [f"        a{p} += t * load(l + {column} * V);" for p, column in used]
                lines.append("      }")
            elif kind == "max":
                lines += [f"      a{p} = vmax(a{p}, load(l + {column} * V));" for p, column in used]
            else:
                lines += [f"      a{p} += load(l + {column} * V);" for p, column in used]
        lines.append("    }")
        for p in range(wide):
            value = f"a{p}"
            if kind == "average":
                value += f" * (1.0f / {kh * kw})" if whole else f" * (1.0f / (lines * {max(1, len(taps[p]))}))"
            value = f"{act}({value})" if act else value
            lines.append(f"    store(y + ((long)row * {outs} + p + {p}) * V, {value});")
        lines.append("  }")
    lines.append("}")
    if kind != "depthwise":
        lines.insert(0, "(void)w;")
    text = "\n".join(f"  {line}" for line in lines)
    head = f"static void {name}(const float *restrict x, const float *restrict w, float *restrict y)"
    return writer.kernel(name, f"{head} {{\n{text}\n}}\n")


def node_name(node: Node) -> str:
    """The C name of a node."""
    from swiftlet.compiler.kernels.convolution import c_name

    return c_name(node.name)


_ = Callable, Buffer
