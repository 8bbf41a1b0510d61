"""The C file and its header."""

from math import prod

from swiftlet.compiler.memory import plan
from swiftlet.compiler.program import Program, Writer

PRELUDE = """\
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "{name}.h"

#define V {lanes}
typedef float v __attribute__((vector_size(V * 4)));
typedef float vu __attribute__((vector_size(V * 4), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(V * 4)));
#ifdef PROFILE
#include <time.h>
double profile[1024];
static double seconds(void) {{ struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }}
#define STEP(n, ...) do {{ double began = seconds(); __VA_ARGS__; profile[n] = seconds() - began; }} while (0)
#else
#define STEP(n, ...) __VA_ARGS__
#endif
static inline v load(const float *p) {{ return *(const vu *)p; }}
static inline void store(float *p, v x) {{ *(vu *)p = x; }}
static inline v fill(float x) {{ return x - (v){{0}}; }}
#if defined(__AVX512F__) && V == 16
#include <immintrin.h>
static inline v vmax(v a, v b) {{ return (v)_mm512_max_ps((__m512)a, (__m512)b); }}
static inline v vmin(v a, v b) {{ return (v)_mm512_min_ps((__m512)a, (__m512)b); }}
#else
static inline v vmax(v a, v b) {{ vi m = a > b; return (v)((m & (vi)a) | (~m & (vi)b)); }}
static inline v vmin(v a, v b) {{ vi m = a < b; return (v)((m & (vi)a) | (~m & (vi)b)); }}
#endif
"""


def emit(program: Program) -> tuple[str, str, bytes]:
    """C source, header and weights."""
    floats = plan(program)
    writer = Writer()
    calls = []
    for step in program.steps:
        number = len(calls)
        calls.append(
            f"  STEP({number}, {step.emit(writer).rstrip(';')});"
            f"  /* {step.name}: {step.summary}, {step.macs:,} MACs */"
        )
    name = program.name
    arguments = ", ".join(
        [f"const float *input{i}" for i in range(len(program.inputs))]
        + [f"float *output{i}" for i in range(len(program.outputs))]
        + ["void *workspace"]
    )
    header = (
        f"#ifndef {name.upper()}_H\n#define {name.upper()}_H\n#include <stddef.h>\n"
        + "".join(f"/* {kind} {n}: {'x'.join(map(str, shape))} float32 */\n" for kind, items in (("input", program.inputs), ("output", program.outputs)) for n, shape in items)
        + f"#define {name.upper()}_WORKSPACE_BYTES {floats * 4 + 64}\n"
        f"size_t {name}_workspace_bytes(void);\nvoid {name}_run({arguments});\n#endif\n"
    )
    weights = b"".join(part.tobytes() for part in writer.weights)
    embed = (
        f'__asm__(".section .rodata\\n.balign 64\\n{name}_weights:\\n.incbin \\"{name}.bin\\"\\n.balign 4\\n.byte 0\\n.previous\\n");\n'
        f"extern const float {name}_weights[];\n"
    )
    body = "\n".join(calls)
    source = (
        PRELUDE.format(name=name, lanes=program.lanes)
        + embed + "\n"
        + "\n".join(writer.kernels.values())
        + "\n"
        + "".join(writer.tables)
        + "\n"
        + "\n".join(writer.functions)
        + f"\nsize_t {name}_workspace_bytes(void) {{ return {name.upper()}_WORKSPACE_BYTES; }}\n"
        f"\nvoid {name}_run({arguments}) {{\n"
        f"  float *restrict work = (float *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63);\n"
        f"  const float *restrict weights = {name}_weights;\n{body}\n}}\n"
    )
    return source, header, weights


_ = prod
