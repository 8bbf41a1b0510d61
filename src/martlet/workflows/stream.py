"""Samples of a recording as they come, and an answer for each window that they complete."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from martlet.arguments import checked
from martlet.compiler.runtime.network import CompiledNetwork
from martlet.errors import MartletError
from martlet.inference import is_compiled
from martlet.tasks.prediction import rank
from martlet.tasks.rejection import UNKNOWN, Unknown
from martlet.tasks.temperature import divided
from martlet.workflows.open_network import open_network
from martlet.workflows.run_folder import Run

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class StreamAnswer:
    """What a network says of one window.

    end: how many samples had come when the window was complete; it holds the last ones of them.
    label, probability: the most probable class; "unknown", where that is asked for, and the
        probability of the best guess. logits: float32 (classes,), all outputs.
    """

    end: int
    label: str
    probability: float
    logits: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class _Source:
    """An opened network: `run` takes a window (length, channels), `push` one sample (channels,)."""

    run: Callable[[Samples], Samples]
    window: int
    stride: int  # 0: it does not say
    channels: int
    classes: tuple[str, ...] = ()
    normalise: Callable[[Samples], Samples] | None = None
    push: Callable[[], Callable[[Samples], Samples | None]] | None = None
    threshold: Callable[[], Unknown] | None = None  # raises MartletError for a file without one


class Stream:
    """Windows of one recording, classified as its samples come.

    network: a run, its folder or checkpoint, an exported ONNX file, a compiled network or its
        folder; or a network of `martlet.load` or `create_model`, which needs `window`.
    window: samples of a window; of a trained or compiled network its own.
    stride: samples from one window's start to the next one's; by default as the network was trained
        or compiled, else half a window.
    unknown: windows below the threshold that `train` fitted have the label "unknown".

    Each answer is the one that the same network gives for that window by itself, bit for bit. A
    network that was compiled with this stride keeps the rows of its maps that windows share; all
    others run over the whole window. `channels` says how many numbers a sample has. Samples of a
    trained network are those of its recordings, and are scaled as they were.

    Raises MartletError for a network that takes no recordings, and a window that does not fit.
    """

    def __init__(
        self,
        network: Any,
        *,
        window: int | None = None,
        stride: int | None = None,
        unknown: bool = False,
    ) -> None:
        source = _open(network, _count("window", window))
        asked = _count("stride", stride)
        self.window, self.channels, self.classes = source.window, source.channels, source.classes
        self.stride: int = asked or source.stride or -(-source.window // 2)
        self._source = source
        if unknown and source.threshold is None:
            raise MartletError("unknown=True is for the files of a trained network; leave it out.")
        self._threshold = source.threshold() if unknown and source.threshold else None
        self._pushes = source.push if self.stride == source.stride else None
        self.clear()

    def clear(self) -> None:
        """Forget all samples: the next one is the first of another recording."""
        self._ring = np.zeros((self.window, self.channels), np.float32)
        self._count, self._due = 0, self.window  # samples that came, and until the next answer
        self._push = None if self._pushes is None else self._pushes()

    def push(self, samples: ArrayLike) -> list[StreamAnswer]:
        """The answers of all windows that these samples complete, mostly none.

        samples: (n, channels), or (channels,) for one; whole or floating-point numbers.

        Raises MartletError for other samples, and takes none of them then.
        """
        rows, answers, start = self._checked(samples), list[StreamAnswer](), 0
        while start < len(rows):
            part = rows[start : start + self._due]
            start += len(part)
            logits = self._take(part)
            if logits is not None:
                answers.append(self._answer(logits))
                self._due = self.stride
        return answers

    def _take(self, rows: Samples) -> Samples | None:
        """The outputs for the window that these samples complete, if they do."""
        self._due -= len(rows)
        if self._push is not None:
            self._count += len(rows)
            return [self._push(row) for row in rows][-1]
        at = (self._count + np.arange(len(rows))) % self.window
        self._ring[at[-self.window :]] = rows[-self.window :]
        self._count += len(rows)
        if self._due:
            return None
        return self._source.run(np.roll(self._ring, -(self._count % self.window), axis=0))

    def _answer(self, logits: Samples) -> StreamAnswer:
        logits = logits.reshape(-1)
        classes = self.classes or tuple(map(str, range(len(logits))))
        found = rank(f"the window up to sample {self._count}", logits, classes, 1)
        if found.error is not None:
            raise MartletError(found.error)
        below = self._threshold is not None and self._threshold.is_unknown(logits)
        label = UNKNOWN if below else found.label
        return StreamAnswer(self._count, label, found.probability, logits)

    def _checked(self, samples: ArrayLike) -> Samples:
        """Float32 (n, channels), on the network's scale."""
        given = np.asarray(samples)
        rows = given[None] if given.ndim == 1 else given
        if rows.ndim != 2 or rows.shape[1] != self.channels or given.dtype.kind not in "iuf":
            raise MartletError(
                f"samples of shape {given.shape} and type {given.dtype} do not fit; give numbers "
                f"(n, {self.channels}), or ({self.channels},) for one sample."
            )
        rows = np.ascontiguousarray(rows, np.float32)
        if not np.isfinite(rows).all():
            raise MartletError(
                "samples hold NaN or infinite numbers; fill them in, or clear() the stream and go "
                "on behind them."
            )
        if self._source.normalise is not None and len(rows):
            rows = self._source.normalise(rows)
        return rows


def _count(name: str, given: int | None) -> int | None:
    number: int | None = checked(name, given, int | None)
    if number is not None and number < 1:
        raise MartletError(f"{name}={number} is not accepted; give a number of samples.")
    return number


def _open(network: Any, window: int | None) -> _Source:
    """The network, whichever it is.

    Raises MartletError for what is none, and for one that takes no windows of a recording.
    """
    if isinstance(network, Run):
        network = network.checkpoint
    if isinstance(network, str | Path):
        path = Path(network)
        network = CompiledNetwork(path) if is_compiled(path) else path
    if isinstance(network, CompiledNetwork):
        source = _compiled(network)
    elif isinstance(network, Path):
        source = _trained(network)
    elif hasattr(network, "forward_features"):
        source = _module(network, window)
    else:
        raise MartletError(
            f"network={network!r} is not accepted; give a run, a checkpoint, an exported ONNX file "
            "or a compiled network."
        )
    if window not in (None, source.window):
        raise MartletError(
            f"window={window} does not fit: this network takes {source.window} samples; leave it "
            "out."
        )
    return source


def _trained(path: Path) -> _Source:
    """A checkpoint, or an ONNX file that says its classes and preprocessing."""
    opened = open_network(path)
    preprocess: Any = opened.preprocess
    if preprocess.kind != "series":
        raise MartletError(
            f"{path} takes {preprocess.kind}s, not windows of recordings; give one that was "
            "trained on recordings."
        )
    _, length, channels = preprocess.shape
    return _Source(
        lambda window: opened.logits(window[None, None]),
        length,
        preprocess.stride,
        channels,
        opened.classes,
        _scaling(preprocess),
        threshold=opened.threshold,
    )


def _scaling(preprocess: Any) -> Callable[[Samples], Samples]:
    """Samples (n, channels) on the network's scale: each value for itself, as in a window."""
    return lambda rows: np.ascontiguousarray(preprocess.normalise(rows)[0])


def _compiled(network: CompiledNetwork) -> _Source:
    """A compiled network, with the preprocessing that its ONNX file said, if it did."""
    about = network.description
    shapes = [*about.inputs.values()]
    shape = shapes[0] if len(shapes) == 1 else ()
    by_sample = len(shape) == 4 and shape[:2] == (1, 1) and shape[2] > 1
    fits = by_sample or (len(shape) in (3, 4) and shape[0] == 1 and shape[2:-1] in ((), (1,)))
    if not fits:
        raise MartletError(
            f"{about.name} takes {', '.join(map(str, shapes))}, no window of a recording: accepted "
            "are (1, 1, length, channels), (1, channels, 1, length) and (1, channels, length)."
        )
    length, channels = (shape[2], shape[3]) if by_sample else (shape[-1], shape[1])
    classes: tuple[str, ...] = ()
    normalise = threshold = None
    if about.meta.get("classes"):
        trained = open_network(network.folder)
        classes, threshold = trained.classes, trained.threshold
        if trained.preprocess.kind == "series":
            normalise = _scaling(trained.preprocess)

    def run(window: Samples) -> Samples:
        ready = window if by_sample else np.ascontiguousarray(window.T)
        found: Samples = network(ready.reshape(shape))
        return found

    push = network.stream if about.stream_bytes else None
    return _Source(run, length, about.stream_stride, channels, classes, normalise, push, threshold)


def _module(network: Any, window: int | None) -> _Source:
    """A module of this project, in the mode for evaluation."""
    import torch

    if window is None:
        raise MartletError("window is needed: a module does not say how many samples it takes.")
    place, temperature = next(network.parameters()).device, getattr(network, "temperature", 1.0)
    network.eval()

    def run(samples: Samples) -> Samples:
        with torch.inference_mode():
            found: Samples = network(torch.from_numpy(samples)[None, None].to(place)).cpu().numpy()
        return divided(found, temperature)

    return _Source(run, window, 0, network.in_chans, tuple(network.classes))
