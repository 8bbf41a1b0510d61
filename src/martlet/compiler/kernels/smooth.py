"""Functions made of e to the power of x, as C that compilers turn into vector code.

Each is written once, for vectors and for plain floats: T is the type of values, I that of their
bits. Both sides of a case are computed and one is chosen, so that there is no branch. What is no
number stays none: of LEAST and MOST_OF the second value comes out then. (near and far are words of
Windows, hence the underscores.)

Polynomials are fitted to the least largest error over the range in which they are used, relative
to the result; near zero they are odd, or begin with x, so that small values keep their digits.
"""

import re
from typing import NamedTuple

from martlet.compiler.codegen.c_text import ROUNDER, ROUNDER_BITS
from martlet.compiler.kernels import exponential


class Function(NamedTuple):
    """parameters: those after x; they are written into the vectors' form."""

    body: str
    parameters: tuple[str, ...] = ()


def _horner(variable: str, *factors: float) -> str:
    """A polynomial, from the constant term on."""
    text = f"{factors[-1]}f"
    for factor in factors[-2::-1]:
        text = f"({text} * {variable} + {factor}f)"
    return text


TANH_NEAR = 0.65
ERF_NEAR = 1
ERFC_END = 4  # beyond it erfc is below half the last place of 1
TANH = _horner("u", -0.33333263, 0.13330899, -0.05369296, 0.0204833, -0.0055286204)
ERF_MORE = _horner(  # than x
    "u", 0.12837917, -0.37612626, 0.112836, -0.026854444, 0.005189535, -0.00080208416, 7.88912e-05
)
LOG_ERFC = _horner(
    "b", 0.0001468022, -1.129407, -0.63350874, -0.10815936, 0.025064366, -0.00414328,
    0.00041635125, -1.3138452e-05, -1.7661707e-06, 1.5226553e-07,
)  # fmt: skip
# GELU is x times a sigmoid of this times x: the logit of the normal distribution below x, over x.
GELU_LOGIT = _horner(
    "u", 1.5957699, 0.072665952, -6.4938809e-05, -0.00011071845, 7.9487327e-06, -2.6603820e-07,
    3.5540475e-09,
)  # fmt: skip
LOG1P_MORE = _horner("w", 0.66666675, 0.39998874, 0.28617021, 0.21426028, 0.24307598)  # than 2 s
LOG = _horner(
    "t", 0.33333316, -0.2500081, 0.20002286, -0.16624554, 0.14181195, -0.13128766, 0.12881632,
    -0.0785956,
)  # fmt: skip
MISH_END = 20  # from it on tanh(softplus(x)) is 1

FUNCTIONS: dict[str, Function] = {
    "sigmoid": Function("return 1 / (EXP(-x) + 1);"),
    "swish": Function("return x / (EXP(-x) + 1);"),
    "tanh": Function(f"""\
const T far_ = 1 - 2 / (EXP(2 * ABS(x)) + 1), u = x * x;
  const T near_ = {TANH} * u * x + x;
  return WHERE(ABS(x) < {TANH_NEAR}f, near_, WHERE(x < 0, -far_, far_));"""),
    "erf": Function(f"""\
const T b = LEAST(FILL({ERFC_END}), ABS(x)), u = x * x;
  const T far_ = 1 - EXP({LOG_ERFC}), near_ = {ERF_MORE} * x + x;
  return WHERE(ABS(x) < {ERF_NEAR}, near_, WHERE(x < 0, -far_, far_));"""),
    "gelu": Function(f"""\
const T u = x * x;
  return x / (EXP(-({GELU_LOGIT} * x)) + 1);"""),
    "gelu_tanh": Function("return x / (EXP(-1.5957691f * (x + 0.044715f * x * x * x)) + 1);"),
    "softplus": Function(f"""\
const T t = EXP(-ABS(x)), s = t / (t + 2), w = s * s;
  return MOST_OF(FILL(0), x) + ({LOG1P_MORE} * w * s + 2 * s);"""),
    "mish": Function(f"""\
const T e = EXP(LEAST(FILL({MISH_END}), x)), n = e * (e + 2);
  return x * (n / (n + 2));"""),
    "less_one": Function(f"""\
x = MOST_OF(FILL(-25), LEAST(FILL(0), x));
  T n = x * {exponential.LOG2_E} + {ROUNDER};
  const I whole = BITS(n) - {ROUNDER_BITS};
  n -= {ROUNDER};
  const T r = (x - n * {exponential.LN2}) - n * {exponential.LN2_REST};
  const T s = POWER(whole);
  return s * (({exponential.polynomial()}) * r * r + r) + (s - 1);"""),
    "elu": Function("return WHERE(x < 0, a * LESS_ONE(x), x);", ("a",)),
    "selu": Function("return WHERE(x < 0, a * LESS_ONE(x), x) * b;", ("a", "b")),
    "celu": Function("return WHERE(x < 0, a * LESS_ONE(x / a), x);", ("a",)),
    "log": Function(f"""\
const I tiny = x < 0x1p-126f;
  const I of = BITS(WHERE(tiny, x * 0x1p23f, x));
  const I whole = (of - 0x3f3504f3) >> 23;
  const T t = FROM_BITS(of - whole * 8388608) - 1;
  const T n = FROM_BITS(whole + {ROUNDER_BITS}) - {ROUNDER};
  const T e = n - WHERE(tiny, FILL(23), FILL(0));
  const T rest = ({LOG} * t - 0.5f) * t * t + e * {exponential.LN2_REST};
  const T found = e * {exponential.LN2} + (t + rest);
  const T least = WHERE(x < 0, FILL(NAN), FILL(-INFINITY));
  return WHERE(x > 0, WHERE(x < INFINITY, found, x), WHERE(x != x, x, least));"""),
}
# Words of the bodies: what they are of vectors, and of plain floats.
WORDS = {
    "T": ("v", "float"),
    "I": ("vi", "int32_t"),
    "EXP": ("exp_all", "one_exp"),
    "LESS_ONE": ("less_one", "one_less_one"),
    "LEAST": ("vmin", "one_least"),
    "MOST_OF": ("vmax", "one_most"),
    "ABS": ("absolute", "fabsf"),
    "BITS": ("bits", "one_bits"),
    "FROM_BITS": ("from_bits", "one_from_bits"),
    "POWER": ("power", "one_power"),
    "WHERE": ("where", "one_where"),
    "FILL": ("fill", "one_fill"),
}

WORDS_OF_FLOATS = {
    "one_least": "static inline float one_least(float a, float b) { return a < b ? a : b; }\n",
    "one_most": "static inline float one_most(float a, float b) { return a > b ? a : b; }\n",
    "one_bits": "static inline int32_t one_bits(float x) {\n"
    "  int32_t n;\n  memcpy(&n, &x, 4);\n  return n;\n}\n",
    "one_from_bits": "static inline float one_from_bits(int32_t n) {\n"
    "  float x;\n  memcpy(&x, &n, 4);\n  return x;\n}\n",
    "one_power": "static inline float one_power(int32_t n) {\n"
    "  const uint32_t m = (uint32_t)(n + 127) << 23;\n"
    "  float x;\n  memcpy(&x, &m, 4);\n  return x;\n}\n",
    "one_where": "static inline float one_where(int c, float a, float b) { return c ? a : b; }\n",
    "one_fill": "static inline float one_fill(float x) { return x; }\n",
}


def of_vectors(name: str, *values: str) -> str:
    """The body for vectors, with the parameters' values, C text, written into it."""
    function = FUNCTIONS[name]
    body = _in(function.body, 0)
    for parameter, value in zip(function.parameters, values, strict=True):
        body = re.sub(rf"\b{parameter}\b", value, body)
    return body


def of_floats(name: str) -> str:
    """The body for one float."""
    return _in(FUNCTIONS[name].body, 1)


def _in(body: str, form: int) -> str:
    return re.sub(r"\b[A-Z_]+\b", lambda found: WORDS.get(found[0], (found[0],) * 2)[form], body)
