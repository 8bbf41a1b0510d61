"""Programs that run a network: float32 (N, ...) in, logits (N, classes) out."""

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from martlet.errors import MartletError
from martlet.inference import open_onnx

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Engine:
    """A network ready to run on `threads` threads of the CPU.

    `active` is a context in which `run` uses exactly that many threads; calling the engine enters
    it by itself, a timing loop enters it once.
    """

    name: str
    threads: int
    run: Callable[[Array], Array]
    active: Callable[[], AbstractContextManager[None]] = nullcontext

    def __call__(self, batch: Array) -> Array:
        with self.active():
            return self.run(batch)


def torch_engine(
    model: nn.Module, threads: int, *, channels_last: bool = True, name: str = "torch"
) -> Engine:
    """PyTorch, eager, as users run it: evaluation mode, inference mode, float32.

    A copy of the model is run; the model given is not changed. Channels-last was the faster layout
    for every network and batch tried (1.3 to 1.9 times); converting the input is part of the call.
    Only pictures (N, C, H, W) have such a layout; other inputs stay as they are.
    """
    if threads < 1:
        raise MartletError(f"threads={threads} is not accepted; use 1 or more.")
    ready = copy.deepcopy(model).cpu().float().eval().requires_grad_(False)
    of_volumes = any(parameter.dim() > 4 for parameter in ready.parameters())
    channels_last = channels_last and not of_volumes
    layout = torch.channels_last if channels_last else torch.contiguous_format
    ready = ready.to(memory_format=layout)

    def run(batch: Array) -> Array:
        with torch.inference_mode():
            pictures = layout if batch.ndim == 4 else torch.contiguous_format
            inputs = torch.from_numpy(batch).contiguous(memory_format=pictures)
            outputs: Array = ready(inputs).numpy()
            return outputs

    @contextmanager
    def active() -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    return Engine(name, threads, run, active)


def onnxruntime_engine(
    path: str | Path, threads: int, *, spinning: bool = True, name: str = "onnxruntime"
) -> Engine:
    """ONNX Runtime on the CPU, with its defaults; any ONNX file with one input and one output.

    `spinning=False` puts its idle threads to sleep at once. On two idle cores that cost a small
    network a fifth of its speed and changed nothing for the engine timed next, since every turn
    starts with untimed calls; on cores that other programs also use it was the faster setting.
    """
    return Engine(name, threads, open_onnx(path, threads, spinning=spinning))
