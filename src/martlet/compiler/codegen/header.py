"""What is known about a compiled network, and the header that says it to C."""

import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from martlet.compiler.codegen.c_text import c_type, comment, plain
from martlet.compiler.codegen.weights import Weights
from martlet.compiler.ir.graph import FLOAT32, NumberType, Shape
from martlet.compiler.ir.program import Program
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES, Schedule
from martlet.compiler.targets import Target
from martlet.version import __version__

STATE_BYTES = CACHE_LINE_BYTES  # of a stream, in front of its window: two numbers
DESCRIPTION_CHARACTERS = 88  # characters of a line of the description


@dataclass(frozen=True)
class Facts:
    """A program with its sizes; all bytes are bytes."""

    program: Program
    schedule: Schedule
    target: Target
    made_from: str  # name of the ONNX file
    workspace_bytes: int
    weight_bytes: int
    weights: Weights
    fingerprint: str  # of the weights: compilers that keep old results would take old weights
    tiles: Mapping[str, str]  # by layer: output blocks × places whose sums stay in registers

    @property
    def macs(self) -> int:
        """Multiplications with additions of one run."""
        return self.program.pictures * sum(layer.macs for layer in self.program.layers)

    @property
    def moved_bytes(self) -> int:
        """Bytes that are read and written only to change places."""
        return self.program.pictures * sum(layer.moved for layer in self.program.layers)

    @property
    def stream_at(self) -> int:
        """Bytes of a stream in front of its workspace: its state and the window."""
        series = self.program.series
        window = FLOAT32.itemsize * series.length * series.channels if series else 0
        return STATE_BYTES + -(-window // CACHE_LINE_BYTES) * CACHE_LINE_BYTES

    @property
    def stream_bytes(self) -> int:
        """Bytes of a stream; 0 where no samples are pushed."""
        return self.stream_at + self.workspace_bytes if self.program.series else 0

    def push_signature(self, given: str = "given", *, raw: bool = False) -> str:
        """The head of the function that takes a sample, or of that which scales it first."""
        more = f", const void *{given}" if self.weights == "file" else ""
        word, sample = ("push_raw", "raw") if raw else ("push", "sample")
        ends = f"const float *{sample}, float *output0, void *stream"
        return f"int {self.program.name}_{word}({ends}{more})"

    def signature(self, *, timed: bool = False, given: str = "given") -> str:
        """The head of the function that runs the network, or of its timed variant."""
        program = self.program
        inputs, outputs = (
            [c_type(maps.dtype) for _, maps in items] for items in (program.inputs, program.outputs)
        )
        words = [f"const {kind} *input{i}" for i, kind in enumerate(inputs)]
        words += [f"{kind} *output{i}" for i, kind in enumerate(outputs)]
        words += ["void *workspace", *([f"const void *{given}"] if self.weights == "file" else [])]
        words += ["double *seconds"] if timed else []
        return f"void {program.name}_{'profile' if timed else 'run'}({', '.join(words)})"


def description(facts: Facts) -> list[str]:
    """Lines of plain text: version, target, shapes, MACs, sizes, and what was fused."""
    program, target = facts.program, facts.target
    lanes = f"vectors of {target.lanes} floats" if target.lanes > 1 else "no vectors"
    threads = f", {facts.schedule.threads} threads" if facts.schedule.threads > 1 else ""
    fused: Counter[str] = Counter()
    for layer in program.layers:
        fused.update(layer.fused)
    together = ", ".join(f"{count} {word}" for word, count in fused.most_common()) or "nothing"
    became = f"{program.nodes} nodes became " if program.nodes else ""
    once = f"; one picture of {program.pictures} at a time" if program.pictures > 1 else ""
    lines = [
        f"{program.name}: made by martlet {__version__} from {facts.made_from or 'a graph'}",
        f"target {target.name}: {lanes}{threads}{once}",
        *(
            f"{kind}{number} {name}: {dtype} {_text(shape)}"
            for kind, number, name, dtype, shape in _ends(program)
        ),
        f"{facts.macs:,} MACs, {facts.weight_bytes:,} bytes of weights, "
        f"{facts.workspace_bytes:,} bytes of workspace; weights {facts.fingerprint}",
        f"{became}{len(program.layers)} layers; fused into others: {together}",
        f"{facts.moved_bytes:,} bytes only change places",
    ]
    return [part for line in lines for part in textwrap.wrap(plain(line), DESCRIPTION_CHARACTERS)]


def _ends(program: Program) -> list[tuple[str, int, str, NumberType, Shape]]:
    """Kind, number, name, type and shape of every input and output."""
    sides = (("input", program.inputs), ("output", program.outputs))
    return [
        (kind, number, name, maps.dtype, program.shape(maps))
        for kind, items in sides
        for number, (name, maps) in enumerate(items)
    ]


def _text(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "1"


def header(facts: Facts) -> str:
    """NAME.h: sizes, and the three functions."""
    name = facts.program.name
    big = name.upper()
    sizes = [
        f"#define {big}_{kind.upper()}{number}_{'FLOATS' if dtype == FLOAT32 else 'NUMBERS'} "
        f"{prod(shape)} {comment(f'{label}: {_text(shape)}')}"
        for kind, number, label, dtype, shape in _ends(facts.program)
    ]
    floats = all(dtype == FLOAT32 for _, _, _, dtype, _ in _ends(facts.program))
    arrays = "float32" if floats else "of the types listed above"
    headers = "#include <stddef.h>" if floats else "#include <stddef.h>\n#include <stdint.h>"
    about = "\n".join(f" * {line}" for line in description(facts)).replace("*/", "* /")
    extra = ""
    if facts.weights == "file":
        extra = f"   `weights` is the content of {name}.bin, read or mapped at a multiple of 4.\n"
    kept = "It allocates nothing and keeps nothing"
    if facts.schedule.threads > 1:
        kept = "It allocates nothing and keeps its threads, asleep"
    sizes += [
        f"#define {big}_MACS {facts.macs}",
        f"#define {big}_WEIGHT_BYTES {facts.weight_bytes} /* constant: may lie in flash */",
        f"#define {big}_WORKSPACE_BYTES {facts.workspace_bytes}",
    ]
    pushed = ""
    if facts.program.series is not None:
        sizes += [
            f"#define {big}_STREAM_BYTES {facts.stream_bytes}",
            f"#define {big}_STREAM_STRIDE {facts.schedule.stride} "
            "/* samples from one window to the next */",
        ]
        pushed = _pushed(facts)
    return f"""\
/*
{about}
 */
#ifndef {big}_H
#define {big}_H

{headers}

#ifdef __cplusplus
extern "C" {{
#endif

{chr(10).join(sizes)}

/* How many bytes of workspace a run needs; their values before and after it do not matter. */
size_t {name}_workspace_bytes(void);

/* Run the network. {kept}: runs with workspaces of their own may
   go on at the same time. Arrays are {arrays}, row by row; the workspace may begin anywhere.
{extra}*/
{facts.signature(given="weights")};
{pushed}
/* The lines above. */
const char *{name}_description(void);

#ifdef __cplusplus
}}
#endif

#endif
"""


def _pushed(facts: Facts) -> str:
    """The function that takes samples, and what it is."""
    name, series = facts.program.name, facts.program.series
    assert series is not None
    return f"""
/* Take one sample, {series.channels} floats, of a recording. Returns 1 when it completes a window
   of {series.length} samples, and writes the answer that {name}_run gives for it, bit for bit; else
   0. `stream` is memory of a recording's own: all bytes 0 before its first sample; it stays where
   it is. Recordings with streams of their own may be pushed at the same time. */
{facts.push_signature("weights")};
"""
