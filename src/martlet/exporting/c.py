"""A folder of C, made from an ONNX file that is not kept, and compared before it is moved there."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from martlet.exporting import onnx
from martlet.exporting.trained import Check, Trained

if TYPE_CHECKING:
    from martlet.compiler import CompiledNetwork

NAME = "model"  # of the files and of the C functions


def write(
    trained: Trained, folder: Path, check: Check, stream: int | None = None
) -> dict[str, Any]:
    """Write C and a library for this machine; all files, checked, or none.

    stream: samples from one pushed window of a recording to the next; None: none are pushed.

    Raises MartletError when there is no C compiler, and for a layer that it does not know.
    """
    from martlet.compiler import compile_onnx

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"{NAME}.onnx"
        onnx.write(trained, path, check=lambda _: None)  # what is made of it is compared
        compile_onnx(path, folder, stream=stream, check=check)
    return {}


def load(folder: Path) -> "CompiledNetwork":
    """The network that lies in `folder`."""
    from martlet.compiler import CompiledNetwork

    return CompiledNetwork(folder, NAME)
