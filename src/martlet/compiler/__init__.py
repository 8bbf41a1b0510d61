"""The compiler: an ONNX file becomes one C file that does nothing but the network.

It imports numpy and onnx, never torch. Its stages, in order: `reader` (ONNX to graph), `simplify`
(fewer nodes), `lower` (nodes to layers, channels to names), `bands` (layers that run row by row
together), `heads` (the end as one layer), `apart` and `meetings` (several threads), `memory` (one
workspace), `ahead` (weights fetched before they are needed), `emit` (C text), `build` (a library).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from martlet.compiler.compiled import CompiledNetwork
    from martlet.compiler.make import compile_onnx, profile_onnx

_HOMES = {"CompiledNetwork": "compiled", "compile_onnx": "make", "profile_onnx": "make"}

__all__ = ["CompiledNetwork", "compile_onnx", "profile_onnx"]


def __getattr__(name: str) -> Any:  # a compiled network runs where there is no onnx
    if name not in _HOMES:
        raise AttributeError(f"module 'martlet.compiler' has no attribute {name!r}")
    return getattr(import_module(f"martlet.compiler.{_HOMES[name]}"), name)
