"""The compiler: an ONNX file becomes one C file that does nothing but the network.

It imports numpy and onnx, never torch. Its stages, in order: `reader` (ONNX to graph), `simplify`
(fewer nodes), `lower` (nodes to layers, channels to names), `bands` (layers that run row by row
together), `memory` (one workspace), `emit` (C text), `build` (a shared library).
"""

from swiftlet.compiler.compiled import CompiledNetwork
from swiftlet.compiler.make import compile_onnx

__all__ = ["CompiledNetwork", "compile_onnx"]
