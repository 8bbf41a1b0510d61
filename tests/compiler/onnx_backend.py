"""The compiler as an `onnx.backend`, which ONNX's own tests know how to drive.

A model is compiled when it is run first, since then the shapes of its inputs are known. Inputs
that are not float32 (a shape, axes, indices) become constants: another value compiles anew.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from onnx.backend.base import Backend, BackendRep

from martlet.compiler.artifacts import load_once
from martlet.compiler.codegen.emit import emit
from martlet.compiler.frontend.importer import read_model
from martlet.compiler.ir.graph import Shape
from martlet.compiler.pipeline import program_of
from martlet.compiler.targets import target as target_of
from martlet.errors import MartletError

Arrays = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class Built:
    """One library, for one set of shapes and of values that are not float32."""

    run: Any  # the C function
    outputs: list[Shape]
    workspace_bytes: int

    def __call__(self, inputs: Arrays) -> tuple[NDArray[np.float32], ...]:
        """The outputs for float32 inputs of the shapes it was built for."""
        ready = [np.ascontiguousarray(x, np.float32) for x in inputs]
        outputs = [np.empty(shape, np.float32) for shape in self.outputs]
        workspace = np.empty(self.workspace_bytes, np.uint8)
        arrays: list[NDArray[Any]] = [*ready, *outputs, workspace]
        self.run(*(ctypes.c_void_p(array.ctypes.data) for array in arrays))
        return tuple(outputs)


class MartletRep(BackendRep):
    """A model that is compiled as its inputs ask for."""

    def __init__(
        self, model: onnx.ModelProto, target: str, compiler: str | None, flags: Sequence[str]
    ) -> None:
        self.model, self.target, self.compiler, self.flags = model, target, compiler, flags
        constants = {tensor.name for tensor in model.graph.initializer}
        given = [value.name for value in model.graph.input]
        self.names = [name for name in given if name not in constants]
        self._built: dict[Any, Built] = {}

    def run(self, inputs: Arrays, **kwargs: Any) -> tuple[NDArray[np.float32], ...]:
        """All outputs, in the order of the model.

        Raises MartletError for what cannot be compiled and for another number of inputs.
        """
        if len(inputs) != len(self.names):
            raise MartletError(f"the model takes {len(self.names)} inputs, not {len(inputs)}.")
        named = {name: np.asarray(x) for name, x in zip(self.names, inputs, strict=True)}
        values = {name: x for name, x in named.items() if x.dtype != np.float32}
        shapes = {name: x.shape for name, x in named.items() if name not in values}
        key = (
            tuple(shapes.items()),
            tuple((name, x.shape, x.dtype.str, x.tobytes()) for name, x in values.items()),
        )
        if key not in self._built:
            self._built[key] = self._build(shapes, values)
        return self._built[key]([named[name] for name in shapes])

    def _build(self, shapes: dict[str, Shape], values: dict[str, NDArray[Any]]) -> Built:
        target = target_of(self.target)
        graph = read_model(self.model, shapes=shapes, values=values)
        program, schedule = program_of(graph, target)
        emitted = emit(program, schedule, target)
        library = load_once(emitted, emitted.source, self.compiler, self.flags)
        run = getattr(library, f"{program.name}_run")
        run.restype = None
        outputs = [maps.shape for _, maps in program.outputs]
        return Built(run, outputs, emitted.facts.workspace_bytes)


class MartletBackend(Backend):
    """`prepare` takes the options target="native", compiler=None and flags=() for the compiler."""

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> MartletRep:
        """A model ready to run. Raises MartletError for another device than the CPU."""
        if not cls.supports_device(device):
            raise MartletError(f"device={device!r} is not supported; accepted: 'CPU'.")
        options = {"target": "native", "compiler": None, "flags": (), **kwargs}
        return MartletRep(model, options["target"], options["compiler"], options["flags"])

    @classmethod
    def run_model(
        cls, model: onnx.ModelProto, inputs: Any, device: str = "CPU", **kwargs: Any
    ) -> tuple[NDArray[np.float32], ...]:
        """Compile and run at once."""
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(
        cls,
        node: onnx.NodeProto,
        inputs: Any,
        device: str = "CPU",
        outputs_info: Any = None,
        **kwargs: Any,
    ) -> tuple[NDArray[np.float32], ...]:
        """A network of one node. Outputs have no shape of their own: they are inferred."""
        kinds = [(name, np.asarray(x)) for name, x in zip(node.input, inputs, strict=True)]
        graph = helper.make_graph(
            [node],
            "node",
            [
                helper.make_tensor_value_info(
                    name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape
                )
                for name, x in kinds
            ],
            [
                helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [])
                for name in node.output
            ],
        )
        return cls.run_model(helper.make_model(graph), inputs, device, **kwargs)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """The CPU is the only one."""
        return device.split(":")[0] == "CPU"


prepare = MartletBackend.prepare
run_model = MartletBackend.run_model
run_node = MartletBackend.run_node
supports_device = MartletBackend.supports_device
