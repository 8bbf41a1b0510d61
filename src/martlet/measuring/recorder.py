"""Writes down which modules and operators one forward pass runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

BYTES = 4  # of a float32


@dataclass
class Call:
    """One call of a module."""

    name: str
    module: nn.Module
    output_shape: tuple[int, ...] = ()
    macs: int = 0  # of all operators within it
    bytes_moved: int = 0
    own_macs: int = 0  # of those outside its children
    own_bytes: int = 0


@dataclass(frozen=True)
class Operation:
    """One call of an operator that computes or moves data; bytes are those of float32."""

    name: str
    counted: bool  # whether it is made of MACs
    macs: int
    bytes_moved: int
    output_shape: tuple[int, ...]
    storages: dict[int, int]  # address -> bytes of the memory it touches, weights left out


class Recorder(TorchDispatchMode):
    """Within its context, calls of the network's modules and of PyTorch's operators are kept."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []
        self.operations: list[Operation] = []
        self._open: list[Call] = []
        self._kept: list[Any] = []  # storages, so that none takes the address of a freed one
        self._weights = {address(t) for t in [*network.parameters(), *network.buffers()]}
        for name, module in network.named_modules():
            module.register_forward_pre_hook(partial(self._enter, name))
            module.register_forward_hook(self._leave)

    def _enter(self, name: str, module: nn.Module, _: object) -> None:
        self._open.append(Call(name, module))
        self.calls.append(self._open[-1])

    def _leave(self, module: nn.Module, _: object, output: object) -> None:
        tensors = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
        self._open.pop().output_shape = tuple(tensors[0].shape) if tensors else ()

    def __torch_dispatch__(
        self, func: Any, types: object, args: Any = (), kwargs: Any = None
    ) -> Any:
        args, kwargs = _on_one_device((args, kwargs or {}))
        operator = func.overloadpacket
        if operator is aten.native_batch_norm and not args[TRAINING]:
            result = _normalised(args[0])
        else:
            result = func(*args, **kwargs)
        is_view = func.is_view or torch.Tag.inplace_view in func.tags
        if not is_view and operator.__name__ not in FREE:
            self._record(operator, args, kwargs, result)
        return result

    def _record(self, operator: Any, args: Any, kwargs: Any, result: Any) -> None:
        outputs = floats(result)
        inputs = {address(tensor): tensor for tensor in floats((args, kwargs))}
        touched = [*inputs.values(), *outputs]
        self._kept += [tensor.untyped_storage() for tensor in touched]
        count = MACS.get(operator)
        operation = Operation(
            name=operator.__name__,
            counted=count is not None,
            macs=0 if count is None else count(args, result),
            bytes_moved=BYTES * sum(_values(tensor) for tensor in touched),
            output_shape=tuple(outputs[0].shape) if outputs else (),
            storages={
                address(tensor): BYTES * tensor.untyped_storage().nbytes() // tensor.itemsize
                for tensor in touched
                if address(tensor) not in self._weights
            },
        )
        self.operations.append(operation)
        for call in self._open:
            call.macs += operation.macs
            call.bytes_moved += operation.bytes_moved
        if self._open:
            self._open[-1].own_macs += operation.macs
            self._open[-1].own_bytes += operation.bytes_moved


def floats(tree: Any) -> list[Tensor]:
    """The floating-point tensors in nested lists, tuples and dicts."""
    leaves = tree_leaves(tree)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.is_floating_point()]


def address(tensor: Tensor) -> int:
    """What tells a tensor's memory from others; views share it."""
    return tensor.untyped_storage()._cdata


def _on_one_device(arguments: Any) -> Any:
    """Arguments with their tensors on the meta device, if one of them is there already.

    A network may make a constant on the CPU in its forward pass and use it with its input.
    """
    tensors = [leaf for leaf in tree_leaves(arguments) if isinstance(leaf, Tensor)]
    if any(tensor.is_meta for tensor in tensors) and not all(t.is_meta for t in tensors):
        return tree_map_only(Tensor, lambda tensor: tensor.to("meta"), arguments)
    return arguments


def _normalised(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What batch normalisation by running statistics returns; no statistics come with it.

    PyTorch's own way without data returns copies of the running ones, and takes most of the time.
    """
    return torch.empty_like(x), x.new_empty(0), x.new_empty(0)


def _values(tensor: Tensor) -> int:
    """Values in memory; along an expanded axis they are there once."""
    if not tensor.numel():
        return 0
    sides = zip(tensor.shape, tensor.stride(), strict=True)
    return prod(size for size, stride in sides if stride)


def _convolution(args: Sequence[Any], result: Tensor) -> int:
    """Each output value (transposed: each input value) meets one filter's weights."""
    x, weight, transposed = args[0], args[1], args[6]
    return int((x if transposed else result).numel() * weight[0].numel())


def _product(left: int, right: int) -> Callable[[Sequence[Any], Any], int]:
    """For a product of the arguments at these places: each value on the left meets a row."""

    def macs(args: Sequence[Any], _: Any) -> int:
        columns = args[right].shape[-1] if args[right].dim() > 1 else 1
        return int(args[left].numel() * columns)

    return macs


aten = torch.ops.aten
TRAINING = 5  # place of this argument of native_batch_norm
MACS: dict[Any, Callable[[Sequence[Any], Any], int]] = {
    aten.convolution: _convolution,
    aten.mm: _product(0, 1),
    aten.bmm: _product(0, 1),
    aten.mv: _product(0, 1),
    aten.dot: _product(0, 1),
    aten.addmm: _product(1, 2),
    aten.addmv: _product(1, 2),
    aten.baddbmm: _product(1, 2),
    aten.addbmm: _product(1, 2),
}
FREE = {  # views under another name, and memory that is not filled yet
    *("_unsafe_view", "unsafe_split", "unsafe_split_with_sizes", "unsafe_chunk", "lift_fresh"),
    *("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"),
}
