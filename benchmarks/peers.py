"""Other runtimes, ready to be timed beside ours: each takes a network and gives an Engine.

A peer that is not installed raises ImportError. All run float32 on the CPU with as many threads as
asked, set up as their own manuals say for lowest latency.
"""

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from native import cc
from torch import nn

from martlet.measuring.engines import Array, Engine, onnxruntime_engine, torch_engine


def pytorch(model: nn.Module, onnx: Path, threads: int) -> Engine:
    """PyTorch as it is, in its faster layout."""
    return torch_engine(model, threads)


def onnxruntime(model: nn.Module, onnx: Path, threads: int) -> Engine:
    """ONNX Runtime with all its optimisations, the default."""
    return onnxruntime_engine(onnx, threads)


def openvino(model: nn.Module, onnx: Path, threads: int, precision: str = "f32") -> Engine:
    """OpenVINO's CPU plugin, the hint LATENCY, no lower precision unless it is named."""
    import openvino as ov

    core = ov.Core()
    read = core.read_model(onnx)
    read.reshape([1, *_shapes(onnx)[0]])
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
    }
    request = core.compile_model(read, "CPU", settings).create_infer_request()

    def run(batch: Array) -> Array:
        answer: Array = request.infer([batch])[0]
        return answer

    return Engine("openvino", threads, run)


def ncnn(model: nn.Module, onnx: Path, threads: int) -> Engine:
    """ncnn through pnnx, its own converter."""
    import ncnn as library
    import pnnx

    x = torch.zeros(1, *_shapes(onnx)[0])
    pnnx.export(model, str(onnx.with_suffix(".pt")), x, fp16=False)
    net = library.Net()
    net.opt.num_threads = threads
    for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, name, False)
    stem = str(onnx.with_suffix(""))
    net.load_param(f"{stem}.ncnn.param")
    net.load_model(f"{stem}.ncnn.bin")

    def run(batch: Array) -> Array:
        with net.create_extractor() as extractor:
            extractor.input("in0", library.Mat(batch[0]))
            return np.asarray(extractor.extract("out0")[1])[None]

    return Engine("ncnn", threads, run)


def litert(model: nn.Module, onnx: Path, threads: int) -> Engine:
    """LiteRT with XNNPACK, converted from PyTorch by its own converter."""
    import litert_torch
    from ai_edge_litert.interpreter import Interpreter

    path = onnx.with_suffix(".tflite")
    litert_torch.convert(model, (torch.zeros(1, *_shapes(onnx)[0]),)).export(str(path))
    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    found = interpreter.get_output_details()[0]["index"]

    def run(batch: Array) -> Array:
        interpreter.set_tensor(given, batch)
        interpreter.invoke()
        answer: Array = interpreter.get_tensor(found)
        return answer

    return Engine("litert", threads, run)


def executorch(model: nn.Module, onnx: Path, threads: int) -> Engine:
    """ExecuTorch, lowered to XNNPACK."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from executorch.extension.pybindings import portable_lib

    program = torch.export.export(model, (torch.zeros(1, *_shapes(onnx)[0]),))
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    portable_lib._unsafe_reset_threadpool(threads)
    buffer = lowered.to_executorch().buffer  # read in place: it lives as long as `run`
    ready = portable_lib._load_for_executorch_from_buffer(buffer)

    def run(batch: Array) -> Array:
        assert buffer
        answer: Array = ready.forward((torch.from_numpy(batch),))[0].numpy()
        return answer

    return Engine("executorch", threads, run)


def emx(model: nn.Module, onnx: Path, threads: int) -> Engine:
    """emx-onnx-cgen, another compiler from ONNX to C; gcc may do with its C what it likes."""
    if threads > 1:
        raise NotImplementedError("it has no threads")
    folder = onnx.parent / "emx"
    folder.mkdir(exist_ok=True)
    command = ["emx-onnx-cgen", "compile", "--input-dim", "batch=1"]
    try:
        subprocess.run(
            [*command, str(onnx), "model.c"], cwd=folder, check=True, capture_output=True
        )
    except FileNotFoundError as error:
        raise ImportError("emx-onnx-cgen") from error
    built = cc(folder / "model.c", folder / "model.so", "-ffast-math")
    library = ctypes.CDLL(str(built))
    assert library.model_load(str(folder / "model.bin").encode())
    output = np.empty((1, *_shapes(onnx)[1]), np.float32)

    def run(batch: Array) -> Array:
        library.model(ctypes.c_void_p(batch.ctypes.data), ctypes.c_void_p(output.ctypes.data))
        return output

    return Engine("emx-onnx-cgen", threads, run)


PEERS: dict[str, Callable[[nn.Module, Path, int], Engine]] = {
    "torch": pytorch,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "ncnn": ncnn,
    "litert": litert,
    "executorch": executorch,
    "emx-onnx-cgen": emx,
}


def _shapes(onnx: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of one input and its output, without the batch."""
    import onnxruntime as runtime

    session = runtime.InferenceSession(onnx)
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    return tuple(map(int, given.shape[1:])), tuple(map(int, made.shape[1:]))
