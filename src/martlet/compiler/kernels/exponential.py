"""e to the power of x as C that compilers turn into vector code: of vectors, and of plain floats.

e^x = 2^n · e^r with a whole n and |r| ≤ ln 2 / 2. e^r is a polynomial fitted to the least largest
error, relative to e^r, over that range: 1 + r + r² · q(r). 2^n is written into the exponent of a
float, in two halves, so that results down to the smallest denormal and up to the largest float come
out; beyond them it is 0 and infinity, and of no number none. AVX-512 has an instruction for it.
"""

from martlet.compiler.codegen.c_text import ROUNDER, ROUNDER_BITS

Q = (0.49999994, 0.1666652, 0.0416684, 0.00836885, 0.00138143)  # from the constant term on
LOWEST, HIGHEST = -104, 89  # e to the power of them is 0 and infinity in float32
LOG2_E = "0x1.715476p+0f"
LN2, LN2_REST = "0x1.62ep-1f", "0x1.0bfbe8p-15f"  # the first is exact times a whole number


def polynomial() -> str:
    """q(r) in C, by Horner's rule."""
    text = f"{Q[-1]}f"
    for factor in Q[-2::-1]:
        text = f"({text} * r + {factor}f)"
    return text[1:-1]


OF_VECTORS = f"""\
static inline v exp_all(v x) {{
  x = vmin(fill({HIGHEST}), vmax(fill({LOWEST}), x));
  const v rounded = x * {LOG2_E} + {ROUNDER}, n = rounded - {ROUNDER};
  const v r = (x - n * {LN2}) - n * {LN2_REST};
  const v q = {polynomial()};
  return scaled(q * r * r + r + 1, rounded);
}}
"""

# The parts of "one_exp" and of what it calls, as activations.FUNCTIONS has them: parameters, body.
OF_FLOATS = f"""\
x = x < {LOWEST} ? {LOWEST} : x;
  x = x > {HIGHEST} ? {HIGHEST} : x;
  float n = x * {LOG2_E} + {ROUNDER}, first, second;
  int32_t whole;
  memcpy(&whole, &n, 4);
  whole -= {ROUNDER_BITS};
  const int32_t half = whole >> 1;
  const uint32_t a = (uint32_t)(half + 127) << 23, b = (uint32_t)(whole - half + 127) << 23;
  memcpy(&first, &a, 4), memcpy(&second, &b, 4);
  n -= {ROUNDER};
  const float r = (x - n * {LN2}) - n * {LN2_REST};
  const float q = {polynomial()};
  return (q * r * r + r + 1) * first * second;"""
