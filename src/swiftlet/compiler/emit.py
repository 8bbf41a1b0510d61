"""The C file and its header."""

from math import prod

from swiftlet.compiler.bands import schedule
from swiftlet.compiler.memory import plan
from swiftlet.compiler.program import Maps, Program, Writer, c_name

PRELUDE = """\
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "{name}.h"

#define V {lanes} /* floats of a vector */
typedef float v __attribute__((vector_size(V * 4)));
typedef float vu __attribute__((vector_size(V * 4), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(V * 4)));
static inline v load(const float *p) {{ return *(const vu *)p; }}
static inline void store(float *p, v x) {{ *(vu *)p = x; }}
static inline v fill(float x) {{ return x - (v){{0}}; }}
#define LANE(x, i) (x)[i]
#if defined(__AVX512F__) && V == 16
#include <immintrin.h>
static inline v vmax(v a, v b) {{ return (v)_mm512_max_ps((__m512)a, (__m512)b); }}
static inline v vmin(v a, v b) {{ return (v)_mm512_min_ps((__m512)a, (__m512)b); }}
#elif defined(__AVX__) && V == 8
#include <immintrin.h>
static inline v vmax(v a, v b) {{ return (v)_mm256_max_ps((__m256)a, (__m256)b); }}
static inline v vmin(v a, v b) {{ return (v)_mm256_min_ps((__m256)a, (__m256)b); }}
#else
static inline v vmax(v a, v b) {{ vi m = a > b; return (v)((m & (vi)a) | (~m & (vi)b)); }}
static inline v vmin(v a, v b) {{ vi m = a < b; return (v)((m & (vi)a) | (~m & (vi)b)); }}
#endif
/* Keeps values of one tap from being held for the next: registers are for the sums. */
#define APART __asm__ volatile("" ::: "memory")
#ifdef PROFILE
#include <time.h>
double profile[1024];
static double seconds(void) {{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}}
#define LAYER(n, ...) do {{ double t = seconds(); __VA_ARGS__; profile[n] += seconds() - t; }} while (0)
#else
#define LAYER(n, ...) __VA_ARGS__
#endif
"""


def emit(program: Program) -> tuple[str, str, bytes]:
    """C source, header and weights."""
    floats = plan(program)
    writer = Writer()
    body = []
    for band in program.bands:
        calls = [program.layers[number].emit(writer) for number in band]
        notes = [f"/* {layer.name}: {layer.summary()}; {layer.macs:,} MACs */" for layer in (program.layers[n] for n in band)]
        if len(band) == 1:
            call = calls[0].replace("{from}", "0").replace("{to}", str(program.layers[band[0]].rows))
            body += [notes[0], f"LAYER({band[0]}, {call});"]
            continue
        turns = schedule(program, band)
        name = f"{c_name(program.layers[band[0]].name)}_rows"
        writer.table(name, [0] * len(band) + [rows for turn in turns for rows in turn])
        body += [*notes, f"for (const int32_t *r = {name}; r < {name} + {len(turns) * len(band)}; r += {len(band)}) {{"]
        for place, (number, call) in enumerate(zip(band, calls, strict=True)):
            text = call.replace("{from}", f"r[{place}]").replace("{to}", f"r[{place + len(band)}]")
            body.append(f"  LAYER({number}, {text});")
        body.append("}")
    name = program.name
    arguments = ", ".join(
        [f"const float *input{i}" for i in range(len(program.inputs))]
        + [f"float *output{i}" for i in range(len(program.outputs))]
        + ["void *workspace"]
    )
    header = _header(program, arguments, floats * 4 + 64)
    embed = (
        f'__asm__(".section .rodata\\n.balign 64\\n{name}_weights:\\n.incbin \\"{name}.bin\\"\\n'
        f'.previous\\n");\nextern const float {name}_weights[];\n'
    )
    inside = "\n".join(f"  {line}" for line in body)
    source = (
        PRELUDE.format(name=name, lanes=program.lanes)
        + embed
        + "\n"
        + "\n".join([*writer.kernels.values(), *writer.layers])
        + f"\nsize_t {name}_workspace_bytes(void) {{ return {name.upper()}_WORKSPACE_BYTES; }}\n"
        + f"\nvoid {name}_run({arguments}) {{\n"
        + "  float *work = (float *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63);\n"
        + f"  const float *weights = {name}_weights;\n{inside}\n}}\n"
    )
    return source, header, b"".join(part.tobytes() for part in writer.weights)


def _header(program: Program, arguments: str, bytes_: int) -> str:
    name = program.name
    tensors = [("input", *item) for item in program.inputs] + [("output", *item) for item in program.outputs]
    shapes = "".join(f" * {kind} {n}: {_shape(maps)} float32\n" for kind, n, maps in tensors)
    return (
        f"#ifndef {name.upper()}_H\n#define {name.upper()}_H\n\n#include <stddef.h>\n\n/*\n{shapes} */\n"
        f"#define {name.upper()}_WORKSPACE_BYTES {bytes_}\n"
        f"size_t {name}_workspace_bytes(void);\nvoid {name}_run({arguments});\n\n#endif\n"
    )


def _shape(maps: Maps) -> str:
    return "×".join(map(str, maps.shape))


_ = prod
