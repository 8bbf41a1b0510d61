"""What one forward pass costs: params, MACs, bytes moved, peak memory of activations.

A copy of the network without data (all tensors on torch's meta device) runs once in evaluation
mode while every operator is written down. This takes milliseconds, whatever the network's size,
and the network itself is never touched.

MACs are the multiply-adds of convolutions, linear layers and matrix products (attention and
recurrent layers are made of these), as the papers count them; they say FLOPs. Biases,
normalisation, activations and pooling are no MACs. What was seen and not counted is in
`uncounted`, so that nothing goes missing without a word.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.measuring.recorder import BYTES, Call, Operation, Recorder, address, floats
from martlet.ops.bare import without_data


@dataclass(frozen=True)
class Row:
    """The share of a layer, or of a module with its children."""

    name: str
    type: str
    output_shape: tuple[int, ...]  # of the last call
    params: int
    macs: int
    bytes_moved: int
    calls: int = 1


@dataclass(frozen=True)
class Cost:
    """Cost of one forward pass for one input of `shape`; bytes are those of float32.

    `activations`: values put out by the operators whose MACs are counted. `bytes_moved`: what each
    operator reads (inputs and weights) and writes, one operator after the other, none fused; views
    move nothing. `peak_activation_bytes`: most bytes of input, results in between and output alive
    at one time, each freed after its last use; weights are not among them. `layers`: the innermost
    modules in the order of their calls. `uncounted`: how often each operator was seen that
    computes or copies but has no MACs.
    """

    shape: tuple[int, ...]
    params: int
    macs: int
    activations: int
    bytes_moved: int
    peak_activation_bytes: int
    layers: tuple[Row, ...]
    uncounted: Counter[str]
    _modules: tuple[Row, ...] = field(repr=False)

    def without_macs(self) -> str:
        """`uncounted` in words, the most frequent first: "batch norm 56, relu 37"."""
        words: Counter[str] = Counter()
        for name, count in self.uncounted.items():  # a trailing _ writes in place
            words[name.removeprefix("native_").strip("_").replace("_", " ")] += count
        return ", ".join(f"{word} {count}" for word, count in words.most_common())

    def by_module(self) -> list[Row]:
        """A row per module that ran, in the order of first calls; the network's name is ""."""
        return list(self._modules)


def cost(model: nn.Module, shape: tuple[int, ...]) -> Cost:
    """Count what `model` does with one input of `shape`, such as (1, 3, 224, 224).

    The model may be any `nn.Module` that takes one tensor of floats. Raises MartletError when it
    does not accept the shape, or does not run without data.
    """
    shape = tuple(shape)
    if not shape or any(side < 1 for side in shape):
        raise MartletError(f"shape={shape} is no input; give positive sizes, the batch first.")
    try:
        bare = without_data(model)
        recorder = Recorder(bare)
        dtype = next((p.dtype for p in bare.parameters() if p.is_floating_point()), torch.float32)
        x = torch.empty(shape, dtype=dtype, device="meta")
        with torch.no_grad(), recorder:
            output = bare(x)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise MartletError(
            f"shape={shape} does not run through {type(model).__name__}: {reason}."
        ) from error
    operations = recorder.operations
    return Cost(
        shape=shape,
        params=sum(parameter.numel() for parameter in model.parameters()),
        macs=sum(operation.macs for operation in operations),
        activations=sum(prod(o.output_shape) for o in operations if o.counted),
        bytes_moved=sum(operation.bytes_moved for operation in operations),
        peak_activation_bytes=_peak(operations, x, output),
        layers=tuple(_layer_rows(recorder.calls)),
        uncounted=Counter(o.name for o in operations if not o.counted),
        _modules=tuple(_module_rows(recorder.calls)),
    )


def _peak(operations: Sequence[Operation], x: Tensor, output: Any) -> int:
    """Most bytes alive during one operation."""
    sizes = {address(x): BYTES * x.numel()}
    first, last = {address(x): 0}, {address(x): 0}
    for moment, operation in enumerate(operations):
        sizes |= operation.storages
        for place in operation.storages:
            first.setdefault(place, moment)
            last[place] = moment
    for tensor in floats(output):
        if address(tensor) in last:
            last[address(tensor)] = len(operations)
    change: Counter[int] = Counter()
    for place, size in sizes.items():
        change[first[place]] += size
        change[last[place] + 1] -= size
    return max(accumulate(change[moment] for moment in range(len(operations) + 1)))


def _layer_rows(calls: Sequence[Call]) -> Iterator[Row]:
    """The innermost modules, and others where they multiply or hold params beside their children.

    Params are counted where they are first used, those of a child that is never called (attention
    reads its projection's weight itself) with its parent.
    """
    called = {id(call.module) for call in calls}
    seen: set[int] = set()
    for call in calls:
        own = [p for p in _own_params(call.module, called) if id(p) not in seen]
        seen |= {id(parameter) for parameter in own}
        innermost = next(call.module.children(), None) is None
        if own or call.own_macs or (innermost and call.own_bytes):
            params = sum(parameter.numel() for parameter in own)
            yield _row(call, params, call.own_macs, call.own_bytes)


def _own_params(module: nn.Module, called: set[int]) -> Iterator[nn.Parameter]:
    yield from module.parameters(recurse=False)
    for child in module.children():
        if id(child) not in called:
            yield from _own_params(child, called)


def _module_rows(calls: Sequence[Call]) -> Iterator[Row]:
    by_name: defaultdict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_name[call.name].append(call)
    for same in by_name.values():
        params = sum(parameter.numel() for parameter in same[0].module.parameters())
        macs, moved = sum(call.macs for call in same), sum(call.bytes_moved for call in same)
        yield _row(same[-1], params, macs, moved, len(same))


def _row(call: Call, params: int, macs: int, bytes_moved: int, calls: int = 1) -> Row:
    kind = type(call.module).__name__
    return Row(call.name, kind, call.output_shape, params, macs, bytes_moved, calls)
