"""An exported network, its classes and its Preprocess, run by ONNX Runtime."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet import tasks
from martlet.data.kinds import preprocess_from
from martlet.errors import MartletError
from martlet.tasks.prediction import Prediction

KEY = "martlet"  # the one metadata property that martlet writes into an ONNX file
FORMAT = 1  # of that property's JSON; a reader refuses a higher number
BATCH = 32  # pictures read and run at a time: bounds the memory of `predict`
READERS = 4  # pictures decoded at once; Pillow lets other threads run meanwhile

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Network:
    """A network loaded from a file: `classes`, `preprocess`, and `meta`, all that the file says.

    `run` does the arithmetic: float32 (N, *preprocess.shape) to (N, classes), by any engine.
    """

    def __init__(self, run: Run, path: Path, header: Mapping[str, Any]) -> None:
        self._run = run
        self.path = path
        self.meta = dict(header)
        self.classes: tuple[str, ...] = tuple(header["classes"])
        self.preprocess = preprocess_from(header["preprocess"])
        self.task = tasks.find(header.get("task", "classification"))

    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw outputs (N, classes) for preprocessed inputs (N, *preprocess.shape); N may be 0."""
        expected = self.preprocess.shape
        if batch.ndim != len(expected) + 1 or batch.shape[1:] != expected:
            raise MartletError(
                f"a batch of shape {batch.shape} does not fit this network; "
                f"use (N, {', '.join(map(str, expected))})."
            )
        if len(batch) == 0:
            return np.zeros((0, len(self.classes)), np.float32)
        feed = np.ascontiguousarray(batch, np.float32)
        return self._run(feed)

    def predict(self, pictures: Sequence[str | Path], top: int = 5) -> list[Prediction]:
        """One Prediction per picture, in their order; an unreadable one has `error` set."""
        if isinstance(pictures, (str, Path)):
            pictures = [pictures]
        if top < 1:
            raise MartletError(f"top={top} is not accepted; use 1 or more.")
        paths = [str(picture) for picture in pictures]
        found: list[Prediction] = []
        with ThreadPoolExecutor(min(READERS, os.cpu_count() or 1)) as readers:
            for start in range(0, len(paths), BATCH):
                part = paths[start : start + BATCH]
                found += self._predict_batch(part, readers.map(self._read, part), top)
        return found

    def _read(self, path: str) -> NDArray[np.float32] | str:
        """The network's input (C, size, size), or the sentence why there is none."""
        try:
            return self.preprocess(path)
        except MartletError as error:
            return str(error)

    def _predict_batch(
        self, paths: list[str], read: Iterable[NDArray[np.float32] | str], top: int
    ) -> list[Prediction]:
        inputs = list(read)
        arrays = [item for item in inputs if not isinstance(item, str)]
        rows = iter(self.logits(np.stack(arrays)) if arrays else ())
        return [
            Prediction(path, error=item)
            if isinstance(item, str)
            else self.task.answer(path, next(rows), self.classes, top)
            for path, item in zip(paths, inputs, strict=True)
        ]


def load(path: str | Path, threads: int | None = None) -> Network:
    """The network of an ONNX file that martlet exported, or of the folder it was compiled into.

    `threads` None lets ONNX Runtime choose; compiled networks have one. Raises MartletError for a
    missing, damaged or foreign file, and for one of a newer format.
    """
    path = Path(path)
    if is_compiled(path):
        return _load_compiled(path)
    session = open_session(path, threads)
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        raise MartletError(
            f"{path} was not exported by martlet: it does not say its classes and preprocessing; "
            "export it with `martlet export`."
        )
    header = _header(path, text)
    try:
        return Network(_run_of(session, path), path, header)
    except MartletError as error:
        raise MartletError(f"the martlet metadata of {path} is damaged: {error}") from error


def is_compiled(path: str | Path) -> bool:
    """Whether `path` is the folder of a network that `martlet compile` made."""
    from martlet.compiler.runtime.description import find

    return Path(path).is_dir() and find(path) is not None


def _load_compiled(path: Path) -> Network:
    from martlet.compiler.runtime.network import CompiledNetwork

    net = CompiledNetwork(path)
    meta = net.description.meta
    if not meta:
        raise MartletError(
            f"{path} does not say its classes and preprocessing: its ONNX file was not exported "
            "by martlet."
        )
    try:
        return Network(net, path, _header(path, json.dumps(meta)))
    except MartletError as error:
        raise MartletError(f"the martlet metadata of {path} is damaged: {error}") from error


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
    return _run_of(open_session(path, threads, spinning=spinning), Path(path))


def _run_of(session: Any, path: Path) -> Run:
    given = session.get_inputs()[0].name

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            outputs: NDArray[np.float32] = session.run(None, {given: batch})[0]
        except Exception as error:  # as in `open_session`
            raise MartletError(
                f"{path} was read, but fails when it runs ({reason(error)})."
            ) from error
        return outputs

    return run


def reason(error: Exception) -> str:
    """The first line of ONNX Runtime's message, without its codes and the path it repeats."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", lines[0])
    return re.sub(r"^Load model from .* failed:", "", line).rstrip(".")


def _header(path: Path, text: str) -> dict[str, Any]:
    """The metadata property's content; its format number is looked at first."""
    try:
        header = json.loads(text)
    except ValueError as error:
        raise MartletError(f"the martlet metadata of {path} is not JSON ({error}).") from error
    number = header.get("format") if isinstance(header, dict) else None
    if not isinstance(number, int) or number < 1:
        raise MartletError(f"the martlet metadata of {path} is damaged: it has no format number.")
    if number > FORMAT:
        raise MartletError(
            f"{path} has format {number}, made by a newer martlet; this one reads up to {FORMAT}: "
            "upgrade martlet or export the file again."
        )
    classes = header.get("classes")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise MartletError(f"the martlet metadata of {path} is damaged: it lists no classes.")
    if "preprocess" not in header:
        raise MartletError(f"{path} does not take pictures: it says no preprocess.")
    return dict(header)
