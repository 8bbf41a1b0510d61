"""Softmax and normalisation of rows whose values lie side by side: vectors along the row.

Sums are of vectors for a few thousand values, and in double from there on, since rows may be long.
"""

from collections.abc import Sequence
from math import prod
from typing import Literal

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import shape_text
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels import exponential
from martlet.compiler.kernels.activations import add_functions, number
from martlet.compiler.kernels.generic import Generic, Rows

SUMMED = 64  # turns of four vectors, after which their sum goes into a double
LANE_SUM = """\
static inline float lane_sum(v a) {
  float t[V];
  store(t, a);
  for (int half = V / 2; half; half /= 2)
    for (int lane = 0; lane < half; lane++) t[lane] += t[lane + half];
  return t[0];
}
"""
ROW_SUM = """\
static double {name}(const float *x, long n{given}) {{
  double total = 0;
  long i = 0;
  while (i + V <= n) {{
    v a = fill(0), b = a, c = a, d = a;
    int turn = 0;
    for (; turn < {turns} && i + 4 * V <= n; turn++, i += 4 * V) {{
      const v p = load(x + i){less}, q = load(x + i + V){less};
      const v r = load(x + i + 2 * V){less}, s = load(x + i + 3 * V){less};
      a += {p}, b += {q}, c += {r}, d += {s};
    }}
    for (; turn < {turns} && i + V <= n; turn++, i += V) {{
      const v p = load(x + i){less};
      a += {p};
    }}
    total += lane_sum((a + b) + (c + d));
  }}
  for (; i < n; i++) {{
    const float p = x[i]{less};
    total += {p};
  }}
  return total;
}}
"""
ROW_MOST = """\
static float row_most(const float *x, long n) {
  float most = x[0];
  long i = 0;
  if (n >= V) {
    v a = load(x);
    for (; i + V <= n; i += V) a = vmax(load(x + i), a);
    for (int lane = 0; lane < V; lane++) most = LANE(a, lane) > most ? LANE(a, lane) : most;
  }
  for (; i < n; i++) most = x[i] > most ? x[i] : most;
  return most;
}
"""
ROW_POWERS = """\
static double row_powers(const float *x, float *y, long n, float most) {
  double total = 0;
  long i = 0;
  while (i + V <= n) {
    v a = fill(0);
    for (int turn = 0; turn < 64 && i + V <= n; turn++, i += V) {
      const v p = exp_all(load(x + i) - most);
      a += p;
      store(y + i, p);
    }
    total += lane_sum(a);
  }
  if (i < n && n >= V) { /* the last vector, part of which is done already */
    const v p = exp_all(load(x + n - V) - most);
    store(y + n - V, p);
    for (int lane = V - (int)(n - i); lane < V; lane++) total += LANE(p, lane);
    i = n;
  }
  for (; i < n; i++) total += y[i] = one_exp(x[i] - most);
  return total;
}
"""


def row_sum(writer: Writer, *, squares: bool = False) -> str:
    """The C function of a row's sum, or of the squares of what is left without a mean."""
    names = {letter: f"{letter} * {letter}" if squares else letter for letter in "pqrs"}
    writer.kernel("lane_sum", LANE_SUM)
    name = "row_squares" if squares else "row_sum"
    text = ROW_SUM.format(
        name=name,
        given=", float mean" if squares else "",
        less=" - mean" if squares else "",
        turns=SUMMED,
        **names,
    )
    return writer.kernel(name, text)


def _for_each(rows: int, count: int, lines: Sequence[str]) -> list[str]:
    """`lines` for each row: l of what is read, o of what is made, n values of each."""
    return [
        f"for (long row = 0; row < {rows}; row++) {{",
        f"  const float *l = &a[row * {count}];",
        f"  float *o = &y[row * {count}];",
        f"  const long n = {count};",
        *(f"  {line}" for line in lines),
        "}",
    ]


def _each(value: str, operands: Sequence[str]) -> list[str]:
    """Lines that make row o of row l: `value` of {x} and {b}, {c}, by vectors and the rest."""
    names = ("x", "b", "c")
    loads = {n: f"load({at})" for n, at in zip(names, operands, strict=False)}
    singles = {n: f"({at})[0]" for n, at in zip(names, operands, strict=False)}
    return [
        "long i = 0;",
        f"for (; i + V <= n; i += V) store(o + i, {value.format(**loads)});",
        f"for (; i < n; i++) o[i] = {value.format(**singles)};",
    ]


class RowSoftmax(Generic):
    """Softmax along rows, or its logarithm."""

    operator = "element-wise"

    def __init__(self, name: str, x: Rows, y: Buffer, *, log: bool) -> None:
        super().__init__(name, [x], y)
        self.x, self.log = x, log

    def summary(self) -> str:
        word = "log of softmax" if self.log else "softmax"
        return f"{word} of rows, {shape_text(self.x.shape)}"

    def emit(self, writer: Writer) -> str:
        writer.kernel("exp_all", exponential.OF_VECTORS)
        add_functions("one_exp one_log" if self.log else "one_exp", writer)
        writer.kernel("lane_sum", LANE_SUM)
        writer.kernel("row_most", ROW_MOST)
        writer.kernel("row_powers", ROW_POWERS)
        lines = [
            "const float most = row_most(l, n);",
            "const float total = (float)row_powers(l, o, n, most);",
        ]
        if self.log:
            lines += ["const float less = most + one_log(total);", *_each("{x} - less", ["l + i"])]
        else:
            lines += ["const float share = 1 / total;", *_each("{x} * share", ["o + i"])]
        rows, count = prod(self.x.shape[:-1]), self.x.shape[-1]
        return self.function(writer, _for_each(rows, count, lines))


class RowNorm(Generic):
    """Rows with mean 0 (if centred) and variance 1, then times a gain and plus a shift.

    by: whether gain and shift are given by place in the row, or by row; as many rows as they have
    values, and again from the first one on.
    """

    operator = "normalisation"

    def __init__(
        self,
        name: str,
        x: Rows,
        given: Sequence[Rows],
        by: Literal["place", "row"],
        y: Buffer,
        *,
        epsilon: float,
        centred: bool = True,
    ) -> None:
        """`x` has the axes (rows, values of a row)."""
        super().__init__(name, [x, *given], y)
        self.x, self.given, self.by = x, list(given), by
        self.epsilon, self.centred = epsilon, centred

    def summary(self) -> str:
        return f"normalised rows, {shape_text(self.x.shape)}"

    def emit(self, writer: Writer) -> str:
        rows, count = self.x.shape
        squares = row_sum(writer, squares=True)
        mean = f"(float)({row_sum(writer)}(l, n) / n)" if self.centred else "0"
        lines = [
            f"const float mean = {mean};",
            f"const double variance = {squares}(l, n, mean) / n;",
            f"const float scale = (float)(1 / sqrt(variance + {number(self.epsilon)}));",
        ]
        text, operands = "({x} - mean) * scale", ["l + i"]
        if self.by == "place":
            operands += [f"&{letter}[i]" for letter in "bc"[: len(self.given)]]
            text += "".join((" * {b}", " + {c}")[: len(self.given)])
        else:
            kept = prod(self.given[0].shape) if self.given else 1
            at = f"row % {kept}" if kept < rows else "row"
            for letter, word, sign in zip("bc", ("gain", "shift"), "*+", strict=True):
                if "bc".index(letter) < len(self.given):
                    lines.append(f"const float {word} = {letter}[{at}];")
                    text += f" {sign} {word}"
        lines += _each(text, operands)
        return self.function(writer, _for_each(rows, count, lines))
