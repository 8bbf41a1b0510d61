"""The C file: helpers, kernels, one function per layer, and the function that calls them."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from martlet.compiler.codegen import weights as embed
from martlet.compiler.codegen.c_text import braced, c_type, comment, string, wrapped
from martlet.compiler.codegen.header import Facts, description, header
from martlet.compiler.codegen.prelude import prelude
from martlet.compiler.codegen.profile_clock import clock_and_peak
from martlet.compiler.codegen.push import push_function
from martlet.compiler.codegen.threads import run_with_threads
from martlet.compiler.codegen.writer import Kernel, Writer
from martlet.compiler.ir.graph import FLOAT32
from martlet.compiler.ir.program import Program
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES, Schedule
from martlet.compiler.targets import FLAGS, Target
from martlet.errors import MartletError
from martlet.storage.fingerprint import fingerprint

MOST_WORKSPACE_BYTES = 4 << 31  # offsets in C are of 32 bits and count floats
MOST_WORKSPACE_BYTES_32 = 1 << 31  # where addresses have 32 bits
INCLUDES = '#include "{name}.h"\n\n#include <math.h>\n#include <stdint.h>\n#include <string.h>\n\n'
# At file scope in other parts of the file: with the network's name in front, and as they are.
FUNCTIONS = ("run", "push", "profile", "peak", "workspace_bytes", "description", "sizes", "weights")
NAMES = (
    *("v", "vu", "vi", "V", "LANE", "load", "store", "fill", "vmax", "vmin", "MOST", "LEAST"),
    *("APART", "FETCH", "PICK", "LOW", "HIGH", "NOINLINE", "scaled", "WEIGHTS", "embedded", "now"),
    *("THREADS", "CUT", "EACH", "job", "pool", "worker", "is_before", "untaken", "take", "steps"),
    *("help", "start"),
)
HIDE = """\
#if defined(__GNUC__)
  __asm__("" : "+r"(weights)); /* a compiler that knew their values would take minutes */
#endif
"""


@dataclass(frozen=True)
class Emitted:
    """The text of all files, and what is known about each layer."""

    source: str
    header: str
    weights: bytes
    profile: str  # the source with a clock around every layer; of one thread only
    facts: Facts


@dataclass(frozen=True)
class Step:
    """Layers that run together: their calls, and the table of rows when they take turns."""

    layers: range
    calls: list[str]
    parts: int = 1  # pieces of it that threads can share
    table: str = ""
    turns: int = 0
    ranged: str = ""  # the call of a layer by itself, with {from} and {to}
    slices: tuple[int, ...] = ()  # by layer: how many it makes in turns with its partner, or 0

    def lines(self, calls: Iterable[str], part: str = "") -> list[str]:
        """All calls, turn by turn where they take turns; `part` names the thread's table."""
        if not self.table:
            return [f"{call};" for call in calls]
        wide = len(self.layers)
        size, begin = self.turns * wide, self.table
        if part:
            begin += f" + {part} * {size + wide}"
            loop = f"const int32_t *r = {begin}, *end = r + {size}; r < end"
        else:
            loop = f"const int32_t *r = {begin}; r < {begin} + {size}"
        return braced(f"for ({loop}; r += {wide})", self._turn(f"{call};" for call in calls))

    def _turn(self, calls: Iterable[str]) -> list[str]:
        """The calls of one turn, those of slices in loops."""
        lines, inside = list[str](), False
        for count, call in zip(self.slices, calls, strict=True):
            if count and not inside:
                lines.append(f"for (int slice = 0; slice < {count}; slice++) {{")
            lines.append(f"{'  ' if count else ''}{call}")
            lines += ["}"] if inside else []
            inside = bool(count) and not inside
        return lines


def emit(
    program: Program,
    schedule: Schedule,
    target: Target,
    *,
    weights: embed.Weights = "embedded",
    made_from: str = "",
) -> Emitted:
    """C source, header and weights of a program; `made_from` names the ONNX file."""
    workspace = schedule.workspace_bytes + CACHE_LINE_BYTES
    most = MOST_WORKSPACE_BYTES_32 if target.machine == "wasm32" else MOST_WORKSPACE_BYTES
    if workspace > most:
        raise MartletError(
            f"{program.name} needs a workspace of {workspace:,} bytes; "
            f"up to {most:,} are supported."
        )
    own = (f"{program.name}_{word}" for word in FUNCTIONS)
    writer, packed = Writer(schedule, {*NAMES, *own}), schedule.weights
    steps = [_step(program, band, writer) for band in schedule.bands]
    facts = Facts(
        program=program,
        schedule=schedule,
        target=target,
        made_from=made_from,
        workspace_bytes=workspace,
        weight_bytes=len(packed),
        weights=weights,
        fingerprint=fingerprint(packed),
        tiles={
            name: ", ".join(sorted(of, key=lambda tile: tile.startswith("tail")))
            for name, of in writer.tiles.items()  # those of remainder channels come last
        },
    )
    body = "\n".join([*writer.kernels.values(), *writer.layers])
    if schedule.threads > 1:
        run, timed = _run_in_threads(facts, steps), ""
    else:
        run, timed = _run(facts, steps), _run(facts, steps, timed=True)
    if program.series is not None:
        run += push_function(facts, [step.ranged for step in steps], HIDE)
    top = _top(facts) + INCLUDES.format(name=program.name) + prelude(program.lanes, body) + "\n"
    if "WEIGHTS" in run:
        top += embed.declaration(weights, program.name, len(packed)) + "\n"
    top += body + "\n"
    extra = clock_and_peak(program.name, program.lanes, program.registers)
    top, rest, timed = (
        wrapped(text) for text in (top, run + _small_functions(facts), extra + timed)
    )
    return Emitted(top + rest, header(facts), packed, top + timed, facts)


def _step(program: Program, band: range, writer: Writer) -> Step:
    """Write the functions of a band's layers, each below a comment that says what it does."""
    calls, schedule = list[str](), writer.schedule
    for number in band:
        layer, start = program.layers[number], len(writer.layers)
        assert isinstance(layer, Kernel), layer
        calls.append(layer.emit(writer))
        macs = f"; {layer.macs:,} MACs" if layer.macs else ""
        writer.layers.insert(start, comment(f"{layer.name}: {layer.summary()}{macs}"))
    if len(band) == 1:
        end, count = program.layers[band[0]].rows(schedule), schedule.threads
        cut = ("0", f"{end}")
        if schedule.threads > 1:
            cut = f"CUT({end}, part, {count})", f"CUT({end}, part + 1, {count})"
            count = count if "{from}" in calls[0] else 1
        whole = calls[0].replace("{from}", cut[0]).replace("{to}", cut[1])
        return Step(band, [whole], count, ranged=calls[0])
    tables = schedule.turns[band.start]
    turns = max(len(table) for table in tables)
    padded = [made for one in tables for made in one + one[-1:] * (turns - len(one))]
    writer.layers.append(comment(f"Up to which row each of {len(band)} layers goes, turn by turn."))
    table = f"{program.layers[band[0]].c_name}_rows"
    table = writer.table(table, [row for made in padded for row in made])
    calls = [
        call.replace("{from}", f"r[{place}]").replace("{to}", f"r[{place + len(band)}]")
        for place, call in enumerate(calls)
    ]
    names = [program.layers[number].name for number in band]
    slices = tuple(max(0, len(schedule.slices.get(name, ())) - 1) for name in names)
    return Step(band, calls, len(tables), table, turns - 1, slices=slices)


def _top(facts: Facts) -> str:
    """What the file is, and how to compile it."""
    flags = " ".join([*FLAGS, *facts.target.flags])
    command = f"cc {flags} -c {facts.program.name}.c"
    lines = [*description(facts), "", *textwrap.wrap(command, 96, subsequent_indent="  ")]
    inside = "\n".join(f" * {line}".rstrip() for line in lines).replace("*/", "* /")
    return f"/*\n{inside}\n */\n"


def _run(facts: Facts, steps: Iterable[Step], *, timed: bool = False) -> str:
    """The function that calls all layers, or the one that also says how long each takes."""
    body: list[str] = []
    for step in steps:
        calls = [
            f"t = now(); {call}; seconds[{number}] += now() - t" if timed else call
            for number, call in zip(step.layers, step.calls, strict=True)
        ]
        body += step.lines(calls)
    body = _each_picture(facts.program, body)
    inside = "\n".join(f"  {line}" for line in body)
    start = ""
    if re.search(r"\bwork\b", inside):
        start += "  float *work = (float *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63);\n"
    else:
        start += "  (void)workspace;\n"
    start += "  float *ring = work;\n" if re.search(r"\bring\b", inside) else ""
    if re.search(r"\bweights\b", inside):
        start += "  const float *weights = WEIGHTS;\n"
        start += "" if facts.weights == "file" else HIDE
    elif facts.weights == "file":
        start += "  (void)given;\n"
    names = [f"input{number}" for number in range(len(facts.program.inputs))]
    names += [f"output{number}" for number in range(len(facts.program.outputs))]
    unused = [name for name in names if not re.search(rf"\b{name}\b", inside)]
    start += "".join(f"  (void){name};\n" for name in unused)
    if timed:
        start += "  double t;\n"
    return f"\n{facts.signature(timed=timed)} {{\n{start}{inside}\n}}\n"


def _each_picture(program: Program, lines: list[str]) -> list[str]:
    """What is done for one picture, or a loop over all, behind each of which arrays move on."""
    if program.pictures == 1:
        return lines
    moves = list[str]()
    for side, tensors in (("input", program.inputs), ("output", program.outputs)):
        for number, (_, maps) in enumerate(tensors):
            if any(re.search(rf"\b{side}{number}\b", line) for line in lines):
                moves.append(f"{side}{number} += {prod(maps.shape)};")
    head = f"for (int picture = 0; picture < {program.pictures}; picture++)"
    return braced(head, [*lines, *moves])


def _run_in_threads(facts: Facts, steps: Sequence[Step]) -> str:
    """The function that lets several threads share each layer's work."""
    program, schedule, lines = facts.program, facts.schedule, list[str]()
    first, each = (size // FLOAT32.itemsize for size in (schedule.rings_at, schedule.ring_bytes))
    ring = f"work + {first} + (self.mine > 0 ? self.mine : 0) * {each}l"
    known = {step.layers.start: step for step in steps}
    for region in schedule.regions:
        inside = [known[number] for number in region if number in known]
        calls = (line for step in inside for line in step.lines(step.calls, "part"))
        lines += braced(f"EACH({inside[0].parts})", calls)
    lines = _each_picture(program, lines)
    if each:
        lines.insert(0, f"float *ring = {ring};")
    arrays = {
        f"input{number}": f"const {c_type(maps.dtype)}"
        for number, (_, maps) in enumerate(program.inputs)
    }
    arrays |= {
        f"output{number}": c_type(maps.dtype) for number, (_, maps) in enumerate(program.outputs)
    }
    arrays |= {"work": "float", "weights": "const float"}
    hide = "" if facts.weights == "file" else HIDE
    return run_with_threads(facts.signature(), arrays, schedule.threads, lines, hide)


def _small_functions(facts: Facts) -> str:
    name = facts.program.name
    text = "\n".join(f"      {string(line + chr(10))}" for line in description(facts))
    return (
        f"\nsize_t {name}_workspace_bytes(void) {{ return {name.upper()}_WORKSPACE_BYTES; }}\n"
        f"\nconst char *{name}_description(void) {{\n  return\n{text};\n}}\n"
    )
