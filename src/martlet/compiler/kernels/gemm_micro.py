"""The C functions of a product's tiles: the sums of a few blocks at a few places."""

from typing import NamedTuple

from martlet.compiler.codegen.c_text import braced, function
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES
from martlet.compiler.kernels import activations
from martlet.compiler.kernels.gemm_operands import Gemm


class Epilogue(NamedTuple):
    """C names: of the activations of a tile's sums, before and behind another tensor is added; of
    one that all stored values go through in the end; and what tells the kernel from others."""

    act: str
    after: str
    of_many: str
    suffix: str


def epilogue(layer: Gemm, writer: Writer) -> Epilogue:
    """What the sums go through."""
    alone = layer.add is None
    of_many = activations.of_many(layer.act if alone else layer.act_after, writer)
    act = "" if of_many and alone else activations.function(layer.act, writer)
    after = "" if of_many else activations.function(layer.act_after, writer)
    suffix = f"_{act}" if act else ""
    if layer.add is not None:
        suffix += f"_add{layer.add.places}" + (f"_{after}" if after else "")
    suffix += f"_{of_many}" if of_many else ""
    return Epilogue(act, after, of_many, suffix + ("_gated" if layer.gate is not None else ""))


def head(layer: Gemm, name: str, more: str = "", count: str = "channels") -> str:
    """C text in front of a tile's function; `count` says what the offsets `at` are of."""
    add = ", const float *s, const int32_t *add" if layer.add is not None else ""
    add += ", const float *g, const int32_t *gate" if layer.gate is not None else ""
    return (
        f"static void {name}(const float *x, const int32_t *at, int {count},\n"
        f"    const float *w, float *y{add}{more})"
    )


def _sums(blocks: int, wide: int) -> list[str]:
    lines = []
    for b in range(blocks):
        names = ", ".join(f"a{b}_{p} = bias{b}" for p in range(wide))
        lines += [f"const v bias{b} = load(w + {b} * V);", f"v {names};"]
    return [*lines, f"w += {blocks} * V;"]


def stores(layer: Gemm, places: int, blocks: int, wide: int, end: Epilogue) -> list[str]:
    """C lines that keep the sums `a0_0` and so on of so many blocks and places.

    `places` is how many a block has in memory.
    """
    lines = []
    for b in range(blocks):
        for p in range(wide):
            value = f"{end.act}(a{b}_{p})" if end.act else f"a{b}_{p}"
            if layer.add is not None:
                value = f"{value} + load(s + add[{b}] + {p} * V)"
                value = f"{end.after}({value})" if end.after else value
            lines.append(f"store(y + {b * places + p} * V, {value});")
    if end.of_many:
        lines += [f"{end.of_many}(y + {b * places} * V, {wide});" for b in range(blocks)]
    return lines


def pointwise(layer: Gemm, writer: Writer, blocks: int, wide: int, fetched: int) -> str:
    """The C function of one tile of a pointwise product.

    For each channel it fetches so many lines of the weights of later products.
    """
    writer.tile(layer.name, f"{blocks}×{wide}")
    end = epilogue(layer, writer)
    step, gated = layer.x.lanes, " * scale" if layer.gate is not None else ""
    places = writer.schedule[layer.y].places
    name = f"pointwise_{blocks}x{wide}_from{step}_to{places}{end.suffix}"
    name += f"_ahead{fetched}" if fetched else ""
    fetches = " ".join(f"FETCH(ahead + {n * CACHE_LINE_BYTES});" for n in range(fetched))
    lines = [
        *_sums(blocks, wide),
        f"for (int c = 0; c < channels; c++, w += {blocks} * V) {{",
        "  const float *q = x + at[c];",
        *([f"  {fetches} ahead += step;"] if fetched else []),
        *(["  const v scale = fill(g[gate[c]]);"] if gated else []),
        "  const v " + ", ".join(f"w{b} = load(w + {b} * V){gated}" for b in range(blocks)) + ";",
    ]
    for p in range(wide):
        products = " ".join(f"a{b}_{p} += w{b} * t{p};" for b in range(blocks))
        lines.append(f"  const float t{p} = q[{p * step}]; {products}")
    lines += ["}", *stores(layer, places, blocks, wide, end)]
    more = ", uintptr_t ahead, int step" if fetched else ""
    return writer.kernel(name, function(head(layer, name, more), lines))


def partial(writer: Writer, blocks: int) -> str:
    """The C function of what some channels, side by side at x, add to a few blocks of outputs."""
    name = f"partial_{blocks}"
    lines = [
        f"v {', '.join(f'a{b} = fill(0)' for b in range(blocks))};",
        f"for (int c = 0; c < channels; c++, w += {blocks} * V) {{",
        "  const v t = fill(x[c]);",
        *(f"  a{b} += load(w + {b} * V) * t;" for b in range(blocks)),
        "}",
        *(f"store(y + {b} * V, a{b});" for b in range(blocks)),
    ]
    start = f"static void {name}(const float *x, int channels, const float *w, float *y)"
    return writer.kernel(name, function(start, lines))


def windowed(layer: Gemm, writer: Writer, blocks: int, start: int, wide: int) -> str:
    """The C function of one tile of a convolution with a window."""
    writer.tile(layer.name, f"{blocks}×{wide}")
    end = epilogue(layer, writer)
    window, step, buffer = layer.window, layer.x.lanes, layer.x.buffers[0]
    border = "" if window.is_inside(start, wide) else f"_at{start}"
    source, places = writer.schedule[buffer], writer.schedule[layer.y].places
    ring = f"_ring{source.ring}" if source.ring else "_apart" if source.parts > 1 else ""
    tile = f"{blocks}x{wide}{border}_from{step}{ring}_to{places}"
    name = f"window_{window.name}_{tile}{end.suffix}"
    (_, kh, kw), (_, sh, sw), (_, ph, pw) = window.kernel, window.stride, window.pad
    (_, dh, _), (_, height, width) = window.dilation, window.size
    inner = []
    for tap in range(kw):
        seen = [(p, column) for p in range(wide) for t, column in window.taps(start, p) if t == tap]
        if not seen:
            continue
        weights = ", ".join(f"w{b} = load(w + {tap * blocks + b} * V)" for b in range(blocks))
        inner.append(f"{{ const v {weights}; float t;")
        for p, column in seen:
            products = " ".join(f"a{b}_{p} += w{b} * t;" for b in range(blocks))
            inner.append(f"  t = l[{column * step}]; {products}")
        inner.append("}")
        inner.append("APART;")
    found = [
        f"const int line = top + k * {dh};",
        f"if ((unsigned)line >= {height}u) continue;",
        f"const float *l = q + {writer.row(buffer, 'line', width)};",
    ]
    body = braced(f"for (int k = 0; k < {kh}; k++, w += {kw * blocks} * V)", [*found, *inner])
    skip = f"{{ w += {kh * kw * blocks} * V; continue; }}"
    body = window.over_depths(body, "q = r", f"{height * width * step}", skip)
    row = f"row % {window.out[1]}" if window.out[0] > 1 else "row"
    origin = "r" if window.is_deep else "q"
    first = f"const float *{origin} = x + at[c] + (long)(place * {sw} - {pw}) * {step};"
    lines = [
        *_sums(blocks, wide),
        f"const int top = {row} * {sh} - {ph};",
        *braced("for (int c = 0; c < channels; c++)", [first, *body]),
        *stores(layer, places, blocks, wide, end),
    ]
    return writer.kernel(name, function(head(layer, name, ", int row, int place"), lines))
