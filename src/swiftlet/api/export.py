"""`export`: write a trained network in another format, compared with PyTorch before it is kept."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

if TYPE_CHECKING:
    from swiftlet.exporting import Exported


def export(
    run: Annotated[Path, "Run folder or model.safetensors."],
    format: Annotated[Literal["onnx"], "Format of the file."] = "onnx",
    *,
    output: Annotated[Path | None, "File to write (default: model.onnx beside the run)."] = None,
) -> "Exported":
    """Export a trained network to a verified file.

    The file is compared with PyTorch by ONNX Runtime before it gets its name. It takes batches
    of any size and carries classes and preprocessing.

    Raises SwiftletError when the answers differ; no file is left then, and an earlier one stays.
    """
    from swiftlet.api.opened import checkpoint_path
    from swiftlet.errors import SwiftletError, unknown
    from swiftlet.exporting import export_onnx
    from swiftlet.training import checkpoint

    if format != "onnx":
        raise unknown("format", str(format), ["onnx"])
    if output is not None and Path(output).suffix != ".onnx":
        raise SwiftletError(f"output={output} is not accepted; give a name that ends in .onnx.")
    path = checkpoint_path(Path(run))
    model, header = checkpoint.load_model(path)
    return export_onnx(
        model,
        path.with_name("model.onnx") if output is None else Path(output),
        preprocess=header.preprocess,
        classes=header.classes,
        meta={"network": vars(header.network), "versions": checkpoint.versions()},
    )
