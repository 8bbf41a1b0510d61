"""The compiler: an ONNX file becomes one C file that does nothing but the network.

It imports numpy and onnx, never torch. Its rooms, in order: `frontend` (ONNX file to checked
graph), `passes` (fewer nodes, same numbers), `lowering` (nodes to layers, channels to names),
`schedule` (row fusion, threads, one workspace, prefetch of weights), `codegen` with `kernels` (C
text), `toolchain` (a library), `runtime` (a call from Python). `ir` is what they hand on, and
`pipeline` their order.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from martlet.compiler.pipeline import compile_onnx, profile_onnx
    from martlet.compiler.runtime.network import CompiledNetwork

_HOMES = {
    "CompiledNetwork": "runtime.network",
    "compile_onnx": "pipeline",
    "profile_onnx": "pipeline",
}

__all__ = ["CompiledNetwork", "compile_onnx", "profile_onnx"]


def __getattr__(name: str) -> Any:  # a compiled network runs where there is no onnx
    if name not in _HOMES:
        raise AttributeError(f"module 'martlet.compiler' has no attribute {name!r}")
    return getattr(import_module(f"martlet.compiler.{_HOMES[name]}"), name)
