"""`export`: write a trained network in another format, compared with PyTorch before it is kept."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, overload

from martlet.arguments import typed

if TYPE_CHECKING:
    from martlet.compiler import CompiledNetwork
    from martlet.exporting import Exported


@overload
def export(
    run: Path,
    format: Literal["onnx"] = ...,
    *,
    output: Path | None = ...,
    tile: int | None = ...,
    stream: None = ...,
    raw: bool = ...,
) -> "Exported": ...


@overload
def export(
    run: Path,
    format: Literal["c"],
    *,
    output: Path | None = ...,
    tile: int | None = ...,
    stream: int | None = ...,
    raw: bool = ...,
) -> "CompiledNetwork": ...


@typed
def export(
    run: Annotated[Path, "Run folder or model.safetensors."],
    format: Annotated[Literal["onnx", "c"], "An ONNX file, or a folder of C."] = "onnx",
    *,
    output: Annotated[
        Path | None, "File or folder to write (default: model.onnx, or c, beside the run)."
    ] = None,
    tile: Annotated[
        int | None, "Scenes: side in pixels of the square that one run labels (default: 64)."
    ] = None,
    stream: Annotated[
        int | None,
        "Recordings, C: NAME_push too, which takes samples one by one and answers every so many.",
    ] = None,
    raw: Annotated[
        bool, "Boxes: the answers of all places, not decoded and not selected, as C has them."
    ] = False,
) -> "Exported | CompiledNetwork":
    """Export a trained network to a verified file.

    What was written is run and compared with PyTorch before it gets its name: an ONNX file by ONNX
    Runtime, C by calling it. An ONNX file takes batches of any size; both carry classes and
    preprocessing. The ONNX file of a detector gives the boxes that are left of each picture; its C
    has a header that makes them of the answers. C is for this machine; `martlet compile` on the
    ONNX file, of a detector on the raw one, has more choices, and no PyTorch to compare with.

    Raises MartletError when the answers differ; no file is left then, and an earlier one stays. So
    it does for options that are not for this network or format.
    """
    from martlet.workflows.export import export_run

    return export_run(run, format, output, tile, stream, raw)
