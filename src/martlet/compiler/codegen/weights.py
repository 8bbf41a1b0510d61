"""How the weights get into the program."""

from typing import Literal

import numpy as np

Weights = Literal["embedded", "text", "file"]
WAYS: tuple[Weights, ...] = ("embedded", "text", "file")

# `#embed` is of C23; compilers that lack it have an assembler that reads files. Both look in the
# folder of the C file, the second only when the compiler is called there or told by -I.
EMBEDDED = """\
#if defined(__has_embed)
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
#endif
static const union {{
  _Alignas(64) unsigned char bytes[{bytes}];
  float values[{floats}];
}} embedded = {{{{
#embed "{name}.bin"
}}}};
#if defined(__clang__)
#pragma clang diagnostic pop
#endif
#define WEIGHTS embedded.values
#else
#if defined(__APPLE__)
__asm__(".section __TEXT,__const\\n"
#elif defined(_WIN32)
__asm__(".section .rdata,\\"dr\\"\\n"
#else
__asm__(".section .rodata\\n"
#endif
        ".balign 64\\n{name}_weights:\\n.incbin \\"{name}.bin\\"\\n"
#if defined(__APPLE__) || defined(_WIN32)
        ".text\\n");
#else
        ".previous\\n");
#endif
extern const float embedded[] __asm__("{name}_weights");
#define WEIGHTS embedded
#endif
"""
TEXT = """\
#include "{name}_weights.h"
#define WEIGHTS embedded.values
"""
FILE = """\
#define WEIGHTS (const float *)given
"""


def declaration(way: Weights, name: str, size: int) -> str:
    """C text that defines WEIGHTS, the pointer to the first weight; `size` in bytes."""
    text = {"embedded": EMBEDDED, "text": TEXT, "file": FILE}[way]
    return text.format(name=name, bytes=size, floats=size // 4)


def as_text(weights: bytes) -> str:
    """NAME_weights.h: the weights as C, eleven characters each, for compilers without files."""
    words = np.frombuffer(weights, np.float32).view(np.uint32)
    lines = (
        ", ".join(map(hex, words[start : start + 8].tolist())) for start in range(0, len(words), 8)
    )
    listed = ",\n".join(lines)
    return (
        f"/* {len(words):,} weights, each the bits of a float. */\n#include <stdint.h>\n\n"
        f"static const union {{\n  _Alignas(64) uint32_t bits[{len(words)}];\n"
        f"  float values[{len(words)}];\n}} embedded = {{{{\n{listed}\n}}}};\n"
    )
