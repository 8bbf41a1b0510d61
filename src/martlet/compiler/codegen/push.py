"""NAME_push: samples of a recording one by one, and an answer for each window they complete."""

from collections.abc import Sequence
from math import prod

from martlet.compiler.codegen.c_text import braced
from martlet.compiler.codegen.header import STATE_BYTES, Facts
from martlet.compiler.ir.graph import FLOAT32
from martlet.compiler.ir.program import Layer
from martlet.compiler.ir.series import Series


def push_function(facts: Facts, calls: Sequence[str], hide: str) -> str:
    """C text. `calls`: each layer's, with {from} and {to} if it has a range; `hide`: of weights."""
    program, schedule, series = facts.program, facts.schedule, facts.program.series
    assert series is not None
    lines = list[str]()
    for layer, call in zip(program.layers, calls, strict=True):
        if layer.writes[0] in schedule.kept:
            lines += _shared(facts, layer, call)
        else:
            lines.append(_rows(call, 0, layer.rows(schedule)))
    size = series.length * series.channels
    start = [
        "int32_t *state = (int32_t *)(((uintptr_t)stream + 63) & ~(uintptr_t)63);",
        f"float *window = (float *)state + {STATE_BYTES // FLOAT32.itemsize};",
        f"float *work = (float *)state + {facts.stream_at // FLOAT32.itemsize};",
        "const float *input0 = window;",
        "const float *weights = WEIGHTS;",
        *([] if facts.weights == "file" else hide.splitlines()),
        "(void)work, (void)weights;",
        "if (state[0] < 0) { /* between two windows */",
        "  state[0]++;",
        "  return 0;",
        "}",
        *_take(series),
        f"if (++state[0] < {series.length}) return 0;",
    ]
    left = series.length - schedule.stride
    end = [
        *(_forget(series, left) if left > 0 else []),
        f"state[0] = {left};",
        "state[1] = 1;",
        "return 1;",
    ]
    body = [line.strip() if line.startswith("  __asm__") else line for line in (*start, *lines)]
    inside = "\n".join(line if line.startswith("#") else f"  {line}" for line in (*body, *end))
    assert size == prod(program.inputs[0][1].shape)
    return f"\n{facts.push_signature()} {{\n{inside}\n}}\n"


def _rows(call: str, begin: int, end: int) -> str:
    return call.replace("{from}", f"{begin}").replace("{to}", f"{end}") + ";"


def _take(series: Series) -> list[str]:
    """Put the sample behind the ones before it."""
    channels, length = series.channels, series.length
    if series.by_sample:
        size = channels * FLOAT32.itemsize
        return [f"memcpy(window + state[0] * {channels}, sample, {size});"]
    at = f"window[c * {length} + state[0]] = sample[c];"
    return [f"for (int c = 0; c < {channels}; c++) {at}"]


def _forget(series: Series, left: int) -> list[str]:
    """Move the samples that the next window has, too, to its front."""
    channels, length = series.channels, series.length
    gone = length - left
    if series.by_sample:
        size = left * channels * FLOAT32.itemsize
        return [f"memmove(window, window + {gone * channels}, {size});"]
    line = f"float *l = window + c * {length};"
    move = f"memmove(l, l + {gone}, {left * FLOAT32.itemsize});"
    return braced(f"for (int c = 0; c < {channels}; c++)", [line, move])


def _shared(facts: Facts, layer: Layer, call: str) -> list[str]:
    """A layer's rows: all of the first window; of later ones those that are not kept."""
    schedule, y = facts.schedule, layer.writes[0]
    kept, storage, end = schedule.kept[y], schedule[y], layer.rows(schedule)
    row = prod(y.spatial[1:]) * y.lanes  # floats
    fresh = kept.end - kept.shift
    size = (fresh - kept.first) * row * FLOAT32.itemsize
    block = f"float *m = work + {storage.start + kept.first * row} + (long)b * "
    block += f"{storage.places * y.lanes};"
    move = f"memmove(m, m + {kept.shift * row}, {size});"
    known = braced(f"for (int b = 0; b < {y.blocks}; b++)", [block, move])
    parts = [(0, kept.first), (fresh, end)]
    known += [_rows(call, *part) for part in parts if part[0] < part[1]]
    return [*braced("if (state[1])", known), "else", f"  {_rows(call, 0, end)}"]
