"""What share of a network's time each kind of operator takes, by PyTorch's own profiler."""

import copy
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from martlet.errors import MartletError

WARM_UP_CALLS, LEAST_CALLS = 3, 5
# By the beginning of an operator's name; convolutions are told apart by their weights.
KINDS = {
    "linear": ("addmm", "linear", "mm", "matmul"),
    "normalisation": ("native_batch_norm", "batch_norm"),
    "pooling": ("max_pool", "avg_pool", "adaptive_avg_pool", "mean", "amax", "_adaptive"),
    "element-wise": (
        *("relu", "hardtanh", "hardswish", "hardsigmoid", "sigmoid", "silu", "tanh"),
        *("clamp", "threshold", "add", "mul"),
    ),
    "copy": ("cat", "copy", "clone", "contiguous", "channel_shuffle", "_to_copy", "reshape"),
}
SHUFFLE = "_ChannelsLastShuffle"  # this project's own operator, where maps lie channels last
CONVOLUTION = "convolution"
OF_CONVOLUTIONS = ("mkldnn_convolution", "convolution_overrideable", "thnn_conv2d", "slow_conv",
                   "_slow_conv", "_conv_depthwise", "miopen", "cudnn_convolution")  # fmt: skip


def operator_times(
    model: nn.Module, shape: Sequence[int], *, calls: int = 20, threads: int = 1
) -> dict[str, float]:
    """Milliseconds of a call by kind of operator, the largest first; "other" is what has no kind.

    shape: of the input, the batch first. A copy of the model runs in evaluation mode, channels
    last, as in the engine of that name; the profiler's own time, some microseconds an operator, is
    in "other".

    Raises MartletError for fewer calls than 5.
    """
    if calls < LEAST_CALLS:
        raise MartletError(f"calls={calls} is not accepted; give {LEAST_CALLS} or more.")
    # The profiler's library writes to standard error of a GPU that is not there, if it may.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        ready = copy.deepcopy(model).eval().to(memory_format=torch.channels_last)
        x = torch.randn(tuple(shape)).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            for _ in range(WARM_UP_CALLS):
                ready(x)
            activities = [ProfilerActivity.CPU]
            with profile(activities=activities, record_shapes=True, acc_events=True) as found:
                for _ in range(calls):
                    ready(x)
    finally:
        torch.set_num_threads(before)
    spent: Counter[str] = Counter()
    for event in found.key_averages(group_by_input_shape=True):
        kind = kind_of(event.key, getattr(event, "input_shapes", []))
        spent[kind] += event.self_cpu_time_total / 1000 / calls
    return dict(spent.most_common())


def kind_of(name: str, shapes: Sequence[Any]) -> str:
    """The kind of an operator, by its name and the shapes of what it is given."""
    word = name.removeprefix("aten::").removeprefix("mkldnn::")
    if name.startswith("aten::") and word.startswith(OF_CONVOLUTIONS):
        return convolution_kind(shapes)
    if name == SHUFFLE:
        return "copy"
    for kind, beginnings in KINDS.items():
        if word.startswith(beginnings) and name.startswith("aten::"):
            return kind
    return "other"


def convolution_kind(shapes: Sequence[Any]) -> str:
    """Of a convolution, in the words of the compiler's report: (input, weight, …)."""
    if len(shapes) < 2 or len(shapes[1]) < 3:
        return CONVOLUTION
    maps, weight = shapes[0], shapes[1]
    if weight[1] == 1 and len(maps) > 1 and maps[1] == weight[0] > 1:
        return "depthwise convolution"
    return "1×1 convolution" if max(weight[2:]) == 1 else CONVOLUTION


def shares(times: Mapping[str, float]) -> dict[str, float]:
    """Of the sum."""
    total = sum(times.values())
    return {kind: value / total for kind, value in times.items()}
