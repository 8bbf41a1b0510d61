"""An exported network, its classes and its Preprocess, run by ONNX Runtime."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet import tasks
from martlet.data.cache import cores
from martlet.data.kinds import preprocess_from
from martlet.data.pictures.sources import name_of
from martlet.errors import MartletError
from martlet.inference.onnx_session import Run, open_session, run_of, without_input
from martlet.memory import eval_batch_size
from martlet.tasks.prediction import Prediction
from martlet.tasks.rejection import UNKNOWN, Unknown
from martlet.tasks.temperature import temperature_of

KEY = "martlet"  # the one metadata property that martlet writes into an ONNX file
FORMAT = 1  # of that property's JSON; a reader refuses a higher number
SELECTED = "selected"  # of a detector's file: it gives the boxes that are left
ANSWERS = "answers"  # of a detector's file: it gives the answers of all places, and this is how
BATCH = 32  # pictures of usual sizes read and run at a time: bounds the memory of `predict`
BATCH_VALUES = 1 << 20  # of the inputs run by one core: what comes of more leaves its caches

Named = tuple[str, Any]  # what an answer calls its picture, and the picture's source


class Network:
    """A network loaded from a file: `classes`, `preprocess`, and `meta`, all that the file says.

    `run` does the arithmetic: float32 (N, *preprocess.shape) to (N, classes), by any engine.
    concurrent: `run` keeps to the thread that calls it, and may be called by several at once. Each
    core then decodes and runs a few pictures at a time, which takes less of the processor's time
    than an engine's own threads do.
    any_size: `run` takes inputs of other sides than `preprocess.shape` has, too.
    """

    def __init__(
        self,
        run: Run,
        path: Path,
        header: Mapping[str, Any],
        *,
        concurrent: bool = False,
        any_size: bool = False,
    ) -> None:
        self._run = _boxes(run, header) if {SELECTED, ANSWERS} & {*header} else run
        self.path = path
        self.meta = dict(header)
        self.classes: tuple[str, ...] = tuple(header["classes"])
        self.preprocess = preprocess_from(header["preprocess"])
        self.task = tasks.find(header.get("task", "classification"))
        # What its logits are divided by already; 1 where nothing was fitted, and before that.
        self.temperature = temperature_of(header)
        self.unknown = Unknown.from_dict(header.get("unknown"))
        self.any_size = any_size
        self._concurrent = concurrent
        self._batch = eval_batch_size(self.preprocess.shape, BATCH)
        if concurrent:
            self._batch = min(self._batch, max(1, BATCH_VALUES // prod(self.preprocess.shape)))

    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw outputs (N, classes) for preprocessed inputs (N, *preprocess.shape); N may be 0."""
        expected = self.preprocess.shape
        fits = batch.shape[1:] == expected or (self.any_size and batch.ndim == len(expected) + 1)
        if not fits:
            raise MartletError(
                f"a batch of shape {batch.shape} does not fit this network; "
                f"use (N, {', '.join(map(str, expected))})."
            )
        if len(batch) == 0:
            return np.zeros((0, len(self.classes)), np.float32)
        feed = np.ascontiguousarray(batch, np.float32)
        if not self._concurrent or len(feed) <= self._batch:
            return self._run(feed)
        parts = [feed[start : start + self._batch] for start in range(0, len(feed), self._batch)]
        with ThreadPoolExecutor(min(cores(), len(parts))) as pool:
            return np.concatenate(list(pool.map(self._run, parts)))

    def predict(self, pictures: Any, top: int = 5, *, unknown: bool = False) -> list[Prediction]:
        """One Prediction per picture, in their order; an unreadable one has `error` set.

        unknown: pictures below the network's threshold are answered "unknown". Raises MartletError
            when it has none.

        pictures: paths, or what else the kind of data takes: PIL pictures, uint8 arrays (H, W, 3)
            and files opened for reading bytes, where it is pictures. One alone may be given.
        """
        if isinstance(pictures, (str, Path)) or not isinstance(pictures, Sequence):
            pictures = [pictures]
        if top < 1:
            raise MartletError(f"top={top} is not accepted; use 1 or more.")
        threshold = self.threshold() if unknown else None
        sources = [
            (name_of(source, f"picture {number}"), source)
            for number, source in enumerate(pictures, 1)
        ]
        batches = [sources[n : n + self._batch] for n in range(0, len(sources), self._batch)]
        found: list[Prediction] = []
        with ThreadPoolExecutor(cores()) as pool:
            if self._concurrent:
                answer = partial(self._read_and_answer, top=top, threshold=threshold)
                for answers in pool.map(answer, batches):
                    found += answers
                return found
            ahead = [pool.map(self._read, batch) for batch in batches[:1]]
            for number, batch in enumerate(batches):
                ahead += [pool.map(self._read, later) for later in batches[number + 1 : number + 2]]
                found += self._answer(batch, list(ahead.pop(0)), top, threshold)
        return found

    def _read(self, named: Named) -> NDArray[np.float32] | str:
        """The network's input (C, size, size), or the sentence why there is none."""
        try:
            return self.preprocess(named[1])
        except MartletError as error:
            return str(error)

    def _read_and_answer(
        self, batch: Sequence[Named], top: int, threshold: Unknown | None
    ) -> list[Prediction]:
        return self._answer(batch, [self._read(named) for named in batch], top, threshold)

    def _answer(
        self,
        batch: Sequence[Named],
        inputs: Sequence[NDArray[np.float32] | str],
        top: int,
        threshold: Unknown | None,
    ) -> list[Prediction]:
        arrays = [item for item in inputs if not isinstance(item, str)]
        rows: Iterator[NDArray[np.float32]] = iter(self.logits(np.stack(arrays)) if arrays else ())
        found = []
        for (name, _), item in zip(batch, inputs, strict=True):
            if isinstance(item, str):
                found.append(Prediction(name, error=item))
                continue
            row = next(rows)
            answer = self.task.answer(name, row, self.classes, top)
            if threshold is not None and answer.error is None and threshold.is_unknown(row):
                answer = replace(answer, label=UNKNOWN, unknown=True)
            found.append(answer)
        return found

    def threshold(self) -> Unknown:
        """Below which a sample is unknown; raises MartletError when the file says none."""
        if self.unknown is None:
            raise MartletError(
                f"{self.path} has no threshold of unknown samples: `train` fits one on its "
                "validation part, where the share to reject is one sample or more, and with "
                "--resume for an earlier run; leave unknown out."
            )
        return self.unknown


def _boxes(run: Run, header: Mapping[str, Any]) -> Run:
    """What a detector's file gives becomes boxes in pixels of its pictures, (N, 100, 6).

    Raises MartletError when the file says of its answers what is not known.
    """
    from martlet.tasks.detection.answers import check, decoded
    from martlet.tasks.detection.rows import in_pixels, selected

    height, width = preprocess_from(header["preprocess"]).shape[-2:]
    if header.get(SELECTED):
        return lambda batch: in_pixels(run(batch), (height, width))
    how: Any = header.get(ANSWERS)
    check(how)
    return lambda batch: selected(*decoded(run(batch), how, (height, width)), (height, width))


def load(path: str | Path, threads: int | None = None) -> Network:
    """The network of an ONNX file that martlet exported, or of the folder it was compiled into.

    `threads` None lets ONNX Runtime choose, best for one picture at a time. With 1, `predict` runs
    several pictures at once, a core each; so do compiled networks. Raises MartletError for a
    missing, damaged or foreign file, and for one of a newer format.
    """
    path = Path(path)
    if is_compiled(path):
        return _load_compiled(path)
    session = open_session(path, threads, spinning=False)  # decoding wants the cores
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        raise MartletError(
            f"{path} was not exported by martlet: it does not say its classes and preprocessing; "
            "export it with `martlet export`."
        )
    header, run = _header(path, text), run_of(session, path)
    try:
        return Network(run, path, header, concurrent=threads == 1)
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
    if not net.description.inputs:
        raise MartletError(without_input(path))
    try:
        header = _header(path, json.dumps(meta))
        one = next(iter(net.description.inputs.values()))[:1] == (1,)
        return Network(net, path, header, concurrent=one and net.description.threads == 1)
    except MartletError as error:
        raise MartletError(f"the martlet metadata of {path} is damaged: {error}") from error


def _header(path: Path, text: str) -> dict[str, Any]:
    """The metadata property's content; its format number is looked at first."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
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
        raise MartletError(
            f"{path} does not say how its inputs are prepared: it has no preprocess."
        )
    return dict(header)
