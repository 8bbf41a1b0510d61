"""The C words that all layers are written in: a vector of V floats and what is done with it."""

import re

from martlet.compiler.codegen.c_text import ROUNDER, ROUNDER_BITS

VECTORS = """\
#define V {lanes} /* floats of a vector */
typedef float v __attribute__((vector_size(V * 4)));
typedef float vu __attribute__((vector_size(V * 4), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(V * 4)));
#define LANE(x, i) (x)[i]
"""
SCALARS = """\
#define V 1 /* plain floats, for any C11 compiler */
typedef float v;
typedef int32_t vi;
#define LANE(x, i) (x)
"""
# x times 2^n for a whole n, to which the rounder was added; n is halved, so that the results of all
# n are right that float32 has, down to the smallest denormal. AVX-512 has an instruction for it.
SCALED = f"""\
#if defined(__AVX512F__) && V == 16
#include <immintrin.h>
static inline v scaled(v x, v rounded) {{
  return (v)_mm512_scalef_ps((__m512)x, (__m512)(rounded - {ROUNDER}));
}}
#else
static inline v scaled(v x, v rounded) {{
  const vi n = (vi)rounded - {ROUNDER_BITS}, half = n >> 1;
  return x * (v)((half + 127) << 23) * (v)((n - half + 127) << 23);
}}
#endif"""
ONE_SCALED = f"""\
static inline v scaled(v x, v rounded) {{
  int32_t n;
  v first, second;
  memcpy(&n, &rounded, 4);
  n -= {ROUNDER_BITS};
  const int32_t half = n >> 1;
  const uint32_t a = (uint32_t)(half + 127) << 23, b = (uint32_t)(n - half + 127) << 23;
  memcpy(&first, &a, 4), memcpy(&second, &b, 4);
  return x * first * second;
}}"""
WORDS = {  # of vectors, of plain floats
    "load": (
        "static inline v load(const float *p) { return *(const vu *)p; }",
        "static inline v load(const float *p) { return *p; }",
    ),
    "store": (
        "static inline void store(float *p, v x) { *(vu *)p = x; }",
        "static inline void store(float *p, v x) { *p = x; }",
    ),
    "fill": (
        "static inline v fill(float x) { return x - (v){0}; }",
        "static inline v fill(float x) { return x; }",
    ),
    "bits": (
        "static inline vi bits(v x) { return (vi)x; }",
        "static inline vi bits(v x) { vi n; memcpy(&n, &x, 4); return n; }",
    ),
    "from_bits": (
        "static inline v from_bits(vi n) { return (v)n; }",
        "static inline v from_bits(vi n) { v x; memcpy(&x, &n, 4); return x; }",
    ),
    "absolute": (
        "static inline v absolute(v x) { return (v)((vi)x & 0x7fffffff); }",
        "static inline v absolute(v x) { return fabsf(x); }",
    ),
    "where": (  # a where the condition holds, else b
        "static inline v where(vi c, v a, v b) { return (v)((c & (vi)a) | (~c & (vi)b)); }",
        "static inline v where(vi c, v a, v b) { return c ? a : b; }",
    ),
    "scaled": (SCALED, ONE_SCALED),
    "power": (  # 2^n, for n from -126 to 127
        "static inline v power(vi n) { return (v)((n + 127) << 23); }",
        "static inline v power(vi n) {\n"
        "  const uint32_t m = (uint32_t)(n + 127) << 23;\n"
        "  v x;\n  memcpy(&x, &m, 4);\n  return x;\n}",
    ),
}
BOUNDS = """\
#define MOST(a, b) ((a) > (b) ? (a) : (b))
#define LEAST(a, b) ((a) < (b) ? (a) : (b))
"""
APART = """\
/* Keeps values of one tap from being held for the next: registers are for the sums. */
#if defined(__GNUC__)
#define APART __asm__ volatile("" ::: "memory")
#else
#define APART (void)0
#endif
"""
NOINLINE = """\
/* What it calculates with shares no registers with what calls it. */
#if defined(__GNUC__)
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE
#endif
"""
FETCH = """\
/* Brings a line of memory into the second cache, while there is something else to do. */
#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch((const void *)(address), 0, 2)
#else
#define FETCH(address) (void)(address)
#endif
"""
PICK = """\
/* Lanes of two vectors, by number; those of b come behind those of a. */
#if defined(__clang__) || __GNUC__ >= 12
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICK(a, b, ...) __builtin_shuffle(a, b, (vi){__VA_ARGS__})
#endif
"""
HALVES = ("LOW", "HIGH")
# The machines' own instructions, where C's operators miss them: by vector width (macro that tells
# the machine, header, type, greater, smaller). Of a and b they give b when either is no number,
# but for NEON, which gives no number then.
EXTREMES = {
    16: (("__AVX512F__", "immintrin", "__m512", "_mm512_max_ps(A, B)", "_mm512_min_ps(A, B)"),),
    8: (("__AVX__", "immintrin", "__m256", "_mm256_max_ps(A, B)", "_mm256_min_ps(A, B)"),),
    4: (
        ("__ARM_NEON", "arm_neon", "float32x4_t", "vmaxq_f32(A, B)", "vminq_f32(A, B)"),
        (
            *("__wasm_simd128__", "wasm_simd128", "v128_t"),
            *("wasm_f32x4_pmax(B, A)", "wasm_f32x4_pmin(B, A)"),
        ),
        ("__SSE2__", "immintrin", "__m128", "_mm_max_ps(A, B)", "_mm_min_ps(A, B)"),
    ),
}


def prelude(lanes: int, body: str) -> str:
    """Types and helper functions for vectors of `lanes` floats: those that `body` calls."""
    wanted = {name for name in (*WORDS, "vmax", "vmin") if re.search(rf"\b{name}\(", body)}
    text = SCALARS if lanes == 1 else VECTORS.format(lanes=lanes)
    for name, (of_vectors, of_floats) in WORDS.items():
        if name in wanted:
            text += (of_floats if lanes == 1 else of_vectors) + "\n"
    extremes: list[str] = [name for name in ("vmax", "vmin") if name in wanted]
    text += _extremes(lanes, extremes) if extremes else ""
    text += BOUNDS if "MOST(" in body else ""
    text += NOINLINE if re.search(r"\bNOINLINE\b", body) else ""
    text += APART if re.search(r"\bAPART\b", body) else ""
    halves = [word for word in HALVES if re.search(rf"\b{word}\(", body)]
    text += PICK if halves or "PICK(" in body else ""
    text += "".join(_interleaved(word, lanes) for word in halves)
    return text + (FETCH if "FETCH(" in body else "")


def _extremes(lanes: int, wanted: list[str]) -> str:
    """vmax and vmin by the machine's instructions, by C's operators elsewhere."""
    signs = {"vmax": ">", "vmin": "<"}
    if lanes == 1:
        return "".join(_function(name, f"a {signs[name]} b ? a : b") for name in wanted)
    text, word = "", "#if"
    for macro, header, kind, greater, smaller in EXTREMES.get(lanes, ()):
        text += f"{word} defined({macro})\n#include <{header}.h>\n"
        for name in wanted:
            call = greater if name == "vmax" else smaller
            call = call.replace("A", f"({kind})a").replace("B", f"({kind})b")
            text += _function(name, f"(v){call}")
        word = "#elif"
    text += "#else\n"
    for name in wanted:
        mask = f"(a {signs[name]} b)"
        text += _function(name, f"(v)(({mask} & (vi)a) | (~{mask} & (vi)b))")
    return text + "#endif\n"


def _interleaved(word: str, lanes: int) -> str:
    """The first or second halves of two vectors, their lanes in turns."""
    begin = HALVES.index(word) * lanes // 2
    numbers = (n + more for n in range(begin, begin + lanes // 2) for more in (0, lanes))
    return f"#define {word}(a, b) PICK(a, b, {', '.join(map(str, numbers))})\n"


def _function(name: str, value: str) -> str:
    return f"static inline v {name}(v a, v b) {{ return {value}; }}\n"
