"""An ONNX file that says how to prepare its input, and that was compared before it got its name."""

import copy
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch import nn

from martlet.errors import MartletError
from martlet.exporting.fold import fold, fold_temperature
from martlet.exporting.trained import LOGITS, Check, Trained
from martlet.inference import KEY
from martlet.storage.files import replacing

OPSETS = range(18, 26)
"""ONNX operator sets that the exporter writes itself; others it would replace or half convert."""


def write(trained: Trained, path: Path, check: Check, opset: int | None = None) -> dict[str, Any]:
    """Write ONNX to `path`: `input` (batch, *shape) -> `logits` (batch, classes, ...), or another
    output that `trained` names.

    BatchNorm is folded first, and the temperature into the last linear layer: the logits are those
    of the model, divided by it. The metadata property "martlet" holds the header. The file lies
    under a temporary name while `check` runs, and is then renamed; when anything fails, a file that
    was at `path` before is still there, unchanged.

    Returns the opset, and how often each operator stands in the graph.
    """
    if opset is not None and opset not in OPSETS:
        raise MartletError(
            f"opset={opset} is not accepted; use {OPSETS.start} to {OPSETS.stop - 1}."
        )
    model = fold_temperature(trained.model, trained.temperature)
    proto = _strip(_convert(model, trained.shape, opset, trained.output))
    outputs = [dim.dim_value for dim in proto.graph.output[0].type.tensor_type.shape.dim[1:]]
    if trained.output == LOGITS and outputs[:1] != [len(trained.classes)]:
        raise MartletError(
            f"{len(trained.classes)} classes do not fit the network's output (batch, "
            f"{', '.join(map(str, outputs))}); name each output once."
        )
    entry = proto.metadata_props.add()
    entry.key, entry.value = KEY, trained.header
    with replacing(path) as temporary:
        temporary.write_bytes(proto.SerializeToString())
        check(temporary)
    return {
        "opset": next(item.version for item in proto.opset_import if item.domain == ""),
        "nodes": operators(proto),
    }


def operators(proto: Any) -> dict[str, int]:
    """How often each operator stands in the graph of a ModelProto."""
    return dict(sorted(Counter(node.op_type for node in proto.graph.node).items()))


def _convert(model: nn.Module, shape: tuple[int, ...], opset: int | None, output: str) -> Any:
    """The ModelProto of a folded copy on the CPU, float32, contiguous, without gradients."""
    ready = fold(copy.deepcopy(model).cpu().float()).requires_grad_(False)
    ready = ready.to(memory_format=torch.contiguous_format)
    batch = torch.export.Dim("batch")
    try:
        with warnings.catch_warnings():  # torch 2.11 copies a class of its own that it deprecates
            warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
            program = torch.onnx.export(
                ready,
                (torch.zeros(2, *shape),),
                dynamo=True,
                input_names=["input"],
                output_names=[output],
                dynamic_shapes=({0: batch},),
                opset_version=opset,
                verbose=False,
            )
    except Exception as error:  # the exporter raises many unrelated types
        cause = error.__cause__ or error  # the exporter's own message is general advice
        if isinstance(cause, MartletError):  # the network's own, on its input
            raise cause from None
        reason = (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".")
        raise MartletError(
            f"{type(model).__name__} cannot be exported to ONNX ({reason})."
        ) from error
    assert program is not None  # returned whenever dynamo=True
    return program.model_proto


def _strip(proto: Any) -> Any:
    """Without the exporter's notes: stack traces with local paths, a seventh of a small file."""
    graph = proto.graph
    parts = (graph.node, graph.input, graph.output, graph.value_info, graph.initializer)
    for item in (proto, graph, *(item for part in parts for item in part)):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    return proto
