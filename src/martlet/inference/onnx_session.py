"""Any ONNX file run by ONNX Runtime, whose many errors become one sentence each."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def open_session(path: str | Path, threads: int | None = None, *, spinning: bool = True) -> Any:
    """An `onnxruntime.InferenceSession` on the CPU for any ONNX file, or one sentence.

    `spinning` is ONNX Runtime's habit of keeping idle threads awake for the next call.
    """
    import onnxruntime

    if threads is not None and threads < 1:
        raise MartletError(f"threads={threads} is not accepted; use 1 or more.")
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise MartletError(f"{path} {what}; a file made by `martlet export` is needed.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal only: errors are raised as exceptions anyway
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen unrelated types
        raise MartletError(
            f"{path} cannot be read as an ONNX network ({reason(error)})."
        ) from error


def open_onnx(path: str | Path, threads: int | None = None, *, spinning: bool = True) -> Run:
    """`open_session` as a function: the first output of a file with one input, for a batch."""
    return run_of(open_session(path, threads, spinning=spinning), Path(path))


def run_of(session: Any, path: Path) -> Run:
    """The first output of an open session, for a batch; `path` is for the sentences."""
    inputs = session.get_inputs()
    if not inputs:
        raise MartletError(without_input(path))
    given = inputs[0].name

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            outputs: NDArray[np.float32] = session.run(None, {given: batch})[0]
        except Exception as error:  # as in `open_session`
            raise MartletError(
                f"{path} was read, but fails when it runs ({reason(error)})."
            ) from error
        return outputs

    return run


def without_input(path: Path) -> str:
    """The sentence on a network that nothing can be given to."""
    return f"{path} has no input to predict from; `martlet export` writes networks that have one."


def reason(error: Exception) -> str:
    """The first line of ONNX Runtime's message, without its codes and the path it repeats."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", lines[0])
    return re.sub(r"^Load model from .* failed:", "", line).rstrip(".")
