"""Networks on a Cortex-M7 under QEMU: flash, RAM and instructions, beside other generators of C.

    python benchmarks/microcontrollers.py [NETWORK ...] [--onnx2c PROGRAM] [--emx PROGRAM]
    python benchmarks/microcontrollers.py --table

Needs arm-none-eabi-gcc with newlib, and qemu-system-arm. Each network is exported for pictures of a
size, compiled to C with constants in flash, built by the same compiler and flags, and run once on
QEMU's mps2-an500 (examples/microcontroller), whose answer is compared with ONNX Runtime's. Flash is
code and constants of the network alone, RAM its arrays, input and output with them, and the stack
that a run touches. Instructions are counted by the board's timer: one is a nanosecond of its time.
The others get the graph simplified by ONNX Runtime, and for onnx2c its ReduceMean as a
GlobalAveragePool: it writes no C that compiles of the first. Rows that are there stay.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper
from record import add_row, rows_of

import martlet
from martlet.compiler.runtime.description import read_description

NAME = "microcontrollers"
BOARD = Path(__file__).parent.parent / "examples" / "microcontroller"
FLAGS = ["-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"]
FLAGS += ["-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]
NETWORKS = {  # and the side of their pictures
    "shufflenet_v2_x0_5": 32, "shufflenet_v1_g3_x0_25": 32, "mobilenet_v1_x0_25": 96,
    "mobilenet_v2_x0_35": 96, "mobilenet_v3_small_x0_5": 64,
}  # fmt: skip
FIELDS = ("flash_bytes", "ram_bytes", "stack_bytes", "instructions", "apart", "problem")
SMALL, LARGE = "ORIGIN = 0x20000000, LENGTH = 4M", "ORIGIN = 0x60000000, LENGTH = 16M"


def run(command: list[Any], folder: Path, seconds: float = 900) -> str:
    """What it prints; RuntimeError with its last words when it fails."""
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=seconds
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or [""]
        errors = [line for line in said if "error" in line]
        sentence = re.sub(r"^[\d. :-]+\[Fatal\] (\(\w+\) )?", "", (errors or said)[0].strip())
        raise RuntimeError(f"refused: {sentence}"[:160])
    return done.stdout


def simplified(path: Path) -> Path:
    """The graph with its constants computed and batch norms folded, as plain ONNX."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path.with_name("simple.onnx"))
    onnxruntime.InferenceSession(str(path), options)
    model = onnx.load(path.with_name("simple.onnx"))
    for node in model.graph.node:
        kept = [item for item in node.attribute if item.name != "storage_order"]
        del node.attribute[:]
        node.attribute.extend(kept)
    del model.opset_import[1:]
    onnx.save(model, path.with_name("simple.onnx"))
    return path.with_name("simple.onnx")


def with_pools(path: Path) -> Path:
    """Its ReduceMean over all places as GlobalAveragePool and Flatten."""
    model, nodes = onnx.load(path), []
    for node in model.graph.node:
        if node.op_type != "ReduceMean":
            nodes.append(node)
            continue
        middle = f"{node.output[0]}_pooled"
        nodes.append(helper.make_node("GlobalAveragePool", node.input[:1], [middle]))
        nodes.append(helper.make_node("Flatten", [middle], node.output))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path.with_name("pools.onnx"))
    return path.with_name("pools.onnx")


def adapter(folder: Path, call: str, declared: str, sizes: tuple[int, int]) -> None:
    """network.h of another generator's function, as run.c calls it."""
    (folder / "network.h").write_text(
        f"#define NETWORK_INPUT0_FLOATS {sizes[0]}\n#define NETWORK_OUTPUT0_FLOATS {sizes[1]}\n"
        f"#define NETWORK_WORKSPACE_BYTES 1\n{declared}\n"
        "static inline void network_run(const float *in, float *out, void *work) {\n"
        f"  (void)work;\n  {call}((const void *)in, (void *)out);\n}}\n"
    )


def by_martlet(path: Path, folder: Path, program: str, sizes: tuple[int, int]) -> int:
    """Writes network.c and network.h; returns bytes of arrays that the caller gives."""
    net = martlet.compile(path, folder, name="network", target="portable", build=False)
    return net.description.workspace_bytes


def by_martlet_in_least(path: Path, folder: Path, program: str, sizes: tuple[int, int]) -> int:
    """With --max-ram, an eighth less each time until nothing fits."""
    most = sum(sizes) * 4 + by_martlet(path, folder, program, sizes)
    while True:
        most = most * 7 // 8
        how: dict[str, Any] = {"target": "portable", "build": False, "max_ram": f"{most}"}
        try:
            net = martlet.compile(path, folder, name="network", **how)
        except martlet.MartletError:
            return read_description(folder / "network.json").workspace_bytes
        most = min(most, sum(sizes) * 4 + net.description.workspace_bytes)


def by_onnx2c(path: Path, folder: Path, program: str, sizes: tuple[int, int]) -> int:
    text = run([program, with_pools(simplified(path))], folder)
    (folder / "network.c").write_text(text)
    adapter(folder, "entry", "void entry(const void *, void *);", sizes)
    return 0


def by_emx(path: Path, folder: Path, program: str, sizes: tuple[int, int]) -> int:
    more = ["--large-temp-threshold", "0", "--large-weight-threshold", "100000000"]
    run([program, "compile", *more, simplified(path), "network.c"], folder)
    adapter(folder, "model", "void model(const void *, void *);", sizes)
    return 0


Maker = Callable[[Path, Path, str, tuple[int, int]], int]
MAKERS: dict[str, Maker] = {
    "martlet": by_martlet,
    "martlet --max-ram": by_martlet_in_least,
    "onnx2c": by_onnx2c,
    "emx": by_emx,
}


def measured(maker: Maker, program: str, path: Path, x: np.ndarray, level: str) -> dict[str, Any]:
    """Sizes, instructions and how far the answer is from ONNX Runtime's."""
    session = onnxruntime.InferenceSession(str(path))
    expected = session.run(None, {session.get_inputs()[0].name: x})[0].reshape(-1)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        arrays = maker(path, folder, program, (x.size, expected.size))
        flags = [*FLAGS, level]
        run(["arm-none-eabi-gcc", *flags, "-I.", "-c", "network.c", "-o", "network.o"], folder)
        sizes = run(["arm-none-eabi-size", "network.o"], folder).splitlines()[1].split()
        text, data, bss = map(int, sizes[:3])
        script = folder / "board.ld"
        script.write_text((BOARD / "mps2-an500.ld").read_text().replace(SMALL, LARGE))
        files = [BOARD / "startup.c", BOARD / "run.c", "network.o", "-lm", "-o", "network.elf"]
        link = ["-I.", f"-T{script}", "--specs=rdimon.specs", "-DPAINTED=8000000", *files]
        run(["arm-none-eabi-gcc", *flags, *link], folder)
        x.tofile(folder / "input.bin")
        board = "qemu-system-arm -M mps2-an500 -icount shift=0 -semihosting -nographic"
        said = run([*board.split(), "-kernel", "network.elf"], folder)
        found = np.fromfile(folder / "output.bin", np.float32)
    numbers = {word: int(number) for word, number in re.findall(r"(\w+) (\d+)", said)}
    apart = float(np.abs(found - expected).max() / np.abs(expected).max())
    ram = data + bss + arrays + 4 * (x.size + expected.size) + numbers["stack"]
    return {
        "flash_bytes": text + data, "ram_bytes": ram, "stack_bytes": numbers["stack"],
        "instructions": numbers["instructions"], "apart": f"{apart:.1e}",
    }  # fmt: skip


def table() -> str:
    """Each network and tool: flash and RAM in KB, million instructions."""
    lines = [
        "| network, picture | MACs (M) | C by | flash (KB) | RAM (KB) | instructions (M) |",
        "| --- | ---: | --- | ---: | ---: | ---: |",
    ]
    networks, tools = [*NETWORKS], [*MAKERS]
    places = lambda row: (networks.index(row["network"]), tools.index(row["tool"]))  # noqa: E731
    for row in sorted(rows_of(NAME), key=places):
        name = f"`{row['network']}`, {row['side']}²"
        cells = [row["problem"], "", ""]
        if not row["problem"]:
            sizes = [f"{int(row[key]) / 1000:,.0f}" for key in ("flash_bytes", "ram_bytes")]
            cells = [*sizes, f"{int(row['instructions']) / 1e6:,.2f}"]
        macs = f"{int(row['macs']) / 1e6:.2f}"
        lines.append(f"| {name} | {macs} | {row['tool']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=[*NETWORKS])
    parser.add_argument("--level", default="-O3", help="of the C compiler's optimisation")
    parser.add_argument("--onnx2c", metavar="PROGRAM")
    parser.add_argument("--emx", metavar="PROGRAM", help="emx-onnx-cgen")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        print(table())
        return
    programs = {"martlet": "-", "martlet --max-ram": "-", "onnx2c": given.onnx2c, "emx": given.emx}
    done = {(row["network"], row["tool"], row["level"]) for row in rows_of(NAME)}
    for name in given.networks:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            side = NETWORKS[name]
            torch.manual_seed(0)
            model, picture = (
                martlet.create_model(name, num_classes=10),
                torch.zeros(1, 3, side, side),
            )
            torch.onnx.export(model.eval(), (picture,), path, dynamo=False, opset_version=17)
            net = martlet.compile(path, Path(folder) / "c", target="portable", build=False)
            macs = net.description.macs
            x = np.random.default_rng(0).standard_normal((1, 3, side, side), np.float32)
            for tool, program in programs.items():
                if program is None or (name, tool, given.level) in done:
                    continue
                row = {"network": name, "side": side, "macs": macs, "tool": tool}
                row |= {"level": given.level, **dict.fromkeys(FIELDS, "")}
                try:
                    row |= measured(MAKERS[tool], program, path, x, given.level)
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    row["problem"] = str(error)
                add_row(NAME, row)
                print(name, tool, {key: row[key] for key in FIELDS}, file=sys.stderr)


if __name__ == "__main__":
    main()
