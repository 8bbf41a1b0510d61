"""`export`: write a trained network in another format, compared with PyTorch before it is kept."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, overload

if TYPE_CHECKING:
    from martlet.compiler import CompiledNetwork
    from martlet.exporting import Exported


@overload
def export(
    run: Path, format: Literal["onnx"] = ..., *, output: Path | None = ...
) -> "Exported": ...


@overload
def export(run: Path, format: Literal["c"], *, output: Path | None = ...) -> "CompiledNetwork": ...


def export(
    run: Annotated[Path, "Run folder or model.safetensors."],
    format: Annotated[Literal["onnx", "c"], "An ONNX file, or a folder of C."] = "onnx",
    *,
    output: Annotated[
        Path | None, "File or folder to write (default: model.onnx, or c, beside the run)."
    ] = None,
) -> "Exported | CompiledNetwork":
    """Export a trained network to a verified file.

    The file is compared with PyTorch by ONNX Runtime before it gets its name. It takes batches
    of any size and carries classes and preprocessing. C is made from such a file, for this
    machine; `martlet compile` on the ONNX file has more choices.

    Raises MartletError when the answers differ; no file is left then, and an earlier one stays.
    """
    from martlet.errors import MartletError, unknown
    from martlet.exporting import export_onnx
    from martlet.training import checkpoint
    from martlet.workflows.open_network import checkpoint_path

    if format not in ("onnx", "c"):
        raise unknown("format", str(format), ["onnx", "c"])
    path = checkpoint_path(Path(run))
    standard = {"onnx": path.with_name("model.onnx"), "c": path.with_name("c")}
    place = standard[format] if output is None else Path(output)
    if format == "onnx" and place.suffix != ".onnx":
        raise MartletError(f"output={output} is not accepted; give a name that ends in .onnx.")
    model, header = checkpoint.load_model(path)
    with tempfile.TemporaryDirectory() as scratch:
        exported = export_onnx(
            model,
            place if format == "onnx" else Path(scratch) / "model.onnx",
            preprocess=header.preprocess,
            classes=header.classes,
            meta={
                "network": vars(header.network),
                "task": header.task,
                "versions": checkpoint.versions(),
            },
        )
        if format == "onnx":
            return exported
        from martlet.compiler import compile_onnx

        return compile_onnx(exported.path, place)
