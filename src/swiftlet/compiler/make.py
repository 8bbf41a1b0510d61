"""All stages in order, and the files that they leave."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx

from swiftlet.compiler.bands import make_bands
from swiftlet.compiler.build import build
from swiftlet.compiler.compiled import CompiledNetwork, Description
from swiftlet.compiler.emit import emit
from swiftlet.compiler.graph import Shape
from swiftlet.compiler.lower import lower
from swiftlet.compiler.program import Program
from swiftlet.compiler.reader import read
from swiftlet.compiler.simplify import simplify
from swiftlet.compiler.targets import Target
from swiftlet.compiler.targets import target as target_of
from swiftlet.files import replacing, write_bytes, write_text

KEY = "swiftlet"  # metadata property of the ONNX files that swiftlet exports


def compile_onnx(
    model: str | Path,
    out: str | Path,
    *,
    target: str = "native",
    compiler: str | None = None,
    batch: int = 1,
    shapes: Mapping[str, Shape] | None = None,
) -> CompiledNetwork:
    """Write NAME.c, NAME.h, NAME.bin (weights), NAME.json and NAME.so for an ONNX file.

    Raises SwiftletError for what is no ONNX file, an operator that is not supported, sizes that are
    open, or when there is no C compiler.
    """
    model, out = Path(model), Path(out)
    chosen = target_of(target)
    program = make_program(model, chosen, batch, shapes)
    source, header, weights = emit(program)
    name = program.name
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / f"{name}.h", header)
    write_bytes(out / f"{name}.bin", weights)
    write_text(out / f"{name}.c", source)
    with replacing(out / f"{name}{chosen.suffix}") as library:
        build(out / f"{name}.c", library, chosen, compiler)
    description = Description(
        name=name,
        inputs={key: maps.shape for key, maps in program.inputs},
        outputs={key: maps.shape for key, maps in program.outputs},
        workspace_bytes=int(header.split("_WORKSPACE_BYTES ")[1].split()[0]),
        weight_bytes=len(weights),
        macs=sum(layer.macs for layer in program.layers),
        moved_bytes=sum(layer.moved for layer in program.layers),
        target=chosen.name,
        meta=_meta(model),
    )
    write_text(out / f"{name}.json", json.dumps(asdict(description), indent=1))
    return CompiledNetwork(out, name)


def make_program(
    model: Path, target: Target, batch: int = 1, shapes: Mapping[str, Shape] | None = None
) -> Program:
    """Everything before the C text."""
    graph = simplify(read(model, batch, shapes))
    program = lower(graph, target.lanes, target.registers)
    make_bands(program)
    return program


def _meta(model: Path) -> dict[str, Any]:
    """What swiftlet's exporter wrote into the file, or nothing."""
    properties = onnx.load(model, load_external_data=False).metadata_props
    text = next((item.value for item in properties if item.key == KEY), "{}")
    found = json.loads(text)
    return found if isinstance(found, dict) else {}
