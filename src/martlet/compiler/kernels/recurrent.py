"""One direction of a recurrent layer: what each time step adds to products made of all beforehand.

The gates' products with the inputs of all time steps are one product of matrices, a layer of its
own, with the biases in it. Here each step adds the product with the state of the step before, whose
weights lie by input, so that vectors of gates are summed side by side.
"""

from collections.abc import Sequence
from math import prod

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels.activations import add_functions
from martlet.compiler.kernels.generic import LETTERS, Generic, Rows

ADD_PRODUCT = """\
/* g[j] += the sum of h[k] * w[k][j]. */
static void add_product(float *g, const float *h, const float *w, int depth, int width) {
  int j = 0;
  for (; j + 4 * V <= width; j += 4 * V) {
    v a = load(g + j), b = load(g + j + V), c = load(g + j + 2 * V), d = load(g + j + 3 * V);
    for (int k = 0; k < depth; k++) {
      const float *l = w + (long)k * width + j, t = h[k];
      a += t * load(l), b += t * load(l + V), c += t * load(l + 2 * V), d += t * load(l + 3 * V);
    }
    store(g + j, a), store(g + j + V, b), store(g + j + 2 * V, c), store(g + j + 3 * V, d);
  }
  for (; j < width; j++) {
    float s = g[j];
    for (int k = 0; k < depth; k++) s += h[k] * w[(long)k * width + j];
    g[j] = s;
  }
}
"""
# What a step makes of x, its gates' products and biases, and h, the state before: o, the new state.
# n: size of the state; g: memory for the gates; m: an LSTM's cells; {w} …: operands.
STEPS = {
    "RNN": """\
for (int j = 0; j < n; j++) o[j] = x[j];
add_product(o, h, {w}, n, n);
for (int j = 0; j < n; j++) o[j] = one_tanh(o[j]);""",
    "GRU": """\
for (int j = 0; j < 2 * n; j++) g[j] = x[j];
add_product(g, h, {w}, n, 2 * n);
for (int j = 0; j < 2 * n; j++) g[j] = one_sigmoid(g[j]);
for (int j = 0; j < n; j++) o[j] = x[2 * n + j], g[2 * n + j] = g[n + j] * h[j];
add_product(o, g + 2 * n, {candidate}, n, n);
for (int j = 0; j < n; j++) o[j] = (1 - g[j]) * one_tanh(o[j]) + g[j] * h[j];""",
    "GRU, reset behind the product": """\
for (int j = 0; j < 2 * n; j++) g[j] = x[j];
for (int j = 0; j < n; j++) g[2 * n + j] = {bias}[j];
add_product(g, h, {w}, n, 3 * n);
for (int j = 0; j < 2 * n; j++) g[j] = one_sigmoid(g[j]);
for (int j = 0; j < n; j++)
  o[j] = (1 - g[j]) * one_tanh(x[2 * n + j] + g[n + j] * g[2 * n + j]) + g[j] * h[j];""",
    "LSTM": """\
for (int j = 0; j < 4 * n; j++) g[j] = x[j];
add_product(g, h, {w}, n, 4 * n);
for (int j = 0; j < n; j++) m[j] = one_sigmoid(g[2 * n + j]) * m[j]
  + one_sigmoid(g[j]) * one_tanh(g[3 * n + j]);
for (int j = 0; j < n; j++) o[j] = one_sigmoid(g[n + j]) * one_tanh(m[j]);""",
    "LSTM with peepholes": """\
for (int j = 0; j < 4 * n; j++) g[j] = x[j];
add_product(g, h, {w}, n, 4 * n);
for (int j = 0; j < n; j++) m[j] = one_sigmoid(g[2 * n + j] + {peepholes}[2 * n + j] * m[j]) * m[j]
  + one_sigmoid(g[j] + {peepholes}[j] * m[j]) * one_tanh(g[3 * n + j]);
for (int j = 0; j < n; j++)
  o[j] = one_sigmoid(g[n + j] + {peepholes}[n + j] * m[j]) * one_tanh(m[j]);""",
}


class Recurrent(Generic):
    """y: the states of all time steps (steps, batch, n), an LSTM's cells (batch, n), the gates."""

    operator = "recurrent"

    def __init__(
        self,
        name: str,
        kind: str,
        given: dict[str, Rows],
        sides: tuple[int, int, int],
        y: Buffer,
        *,
        backwards: bool,
    ) -> None:
        """`given`: x (steps, batch, gates · n), perhaps h and cells at the start, w and the rest.

        `sides` are the time steps, the batch and n.
        """
        super().__init__(name, list(given.values()), y)
        self.kind, self.given, self.sides, self.backwards = kind, given, sides, backwards
        self.gates = given["x"].shape[-1]  # numbers of all gates of a step
        self.macs = prod(sides) * self.gates

    def summary(self) -> str:
        steps, batch, size = self.sides
        way = " backwards" if self.backwards else ""
        return f"{self.kind} of {size}, {steps} steps{way} of {batch} series"

    def emit(self, writer: Writer) -> str:
        writer.kernel("add_product", ADD_PRODUCT)
        letters = dict(zip(self.given, LETTERS, strict=False))
        text = STEPS[self.kind].format(**letters)
        add_functions(text, writer)
        return self.function(writer, self._lines(text.splitlines(), letters))

    def _lines(self, step: Sequence[str], letters: dict[str, str]) -> list[str]:
        steps, batch, size = self.sides
        states, cells = steps * batch * size, batch * size
        used = " ".join(step)
        lines = [f"const int n = {size};"]
        if " m[j]" in used:
            start = f"{letters['cells']}[i]" if "cells" in letters else "0"
            lines += [f"for (int i = 0; i < {cells}; i++) y[{states} + i] = {start};"]
        if " g[" in used or "(g," in used:
            lines += [f"float *g = y + {states + cells};"]
        first = f"{letters['h']} + i * {size}" if "h" in letters else "0"
        at = f"{steps - 1} - s" if self.backwards else "s"
        before = "+" if self.backwards else "-"
        lines += [
            f"for (long s = 0; s < {steps}; s++)",
            f"  for (long i = 0; i < {batch}; i++) {{",
            f"    const long at = ({at}) * {batch} + i;",
            f"    const float *x = {letters['x']} + at * {self.gates};",
            f"    float *o = y + at * {size};",
        ]
        if " m[j]" in used:
            lines += [f"    float *m = y + {states} + i * {size};"]
        lines += [f"    const float *h = s ? o {before} {cells} : {first};"]
        return [*lines, *(f"    {line}" for line in step), "  }"]
