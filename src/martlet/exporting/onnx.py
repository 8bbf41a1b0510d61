"""An ONNX file that says how to prepare its input, and that was compared before it got its name."""

import copy
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.exporting.fold import fold
from martlet.exporting.verify import verify
from martlet.inference import FORMAT, KEY
from martlet.storage.files import replacing

OPSETS = range(18, 26)
"""ONNX operator sets that the exporter writes itself; others it would replace or half convert."""


@dataclass(frozen=True)
class Exported:
    """A verified file. `max_difference` from PyTorch is relative to the output's scale."""

    path: Path
    bytes: int
    max_difference: float
    batches: tuple[int, ...]
    opset: int
    nodes: dict[str, int]  # operator -> how often it stands in the graph


def export_onnx(
    model: nn.Module,
    path: str | Path,
    *,
    preprocess: Preprocess | None,
    classes: Sequence[str],
    shape: tuple[int, ...] | None = None,
    meta: Mapping[str, object] | None = None,
    opset: int | None = None,
    pictures: NDArray[np.float32] | None = None,
) -> Exported:
    """Write `model` to `path` as ONNX: `input` (batch, C, size, size) -> `logits` (batch, classes).

    A network of other inputs than pictures has no `preprocess`, but the `shape` of one input.
    BatchNorm is folded first. The metadata property "martlet" holds JSON: format, preprocess,
    classes and what `meta` adds. The file is written under a temporary name, compared with the
    model by ONNX Runtime on batches of 1 and 3 (and on `pictures`, preprocessed, when given), and
    then renamed; when anything fails, MartletError is raised and a file that was at `path` before
    is still there, unchanged. The model is not changed.
    """
    path = Path(path)
    if opset is not None and opset not in OPSETS:
        raise MartletError(
            f"opset={opset} is not accepted; use {OPSETS.start} to {OPSETS.stop - 1}."
        )
    header = _header(preprocess, classes, meta or {})
    if preprocess is not None:
        shape = (len(preprocess.mean), preprocess.size, preprocess.size)
    elif shape is None:
        raise MartletError("preprocess=None and shape=None: one of them must say the input.")
    proto = _strip(_convert(model, shape, opset))
    outputs = [dim.dim_value for dim in proto.graph.output[0].type.tensor_type.shape.dim[1:]]
    if outputs != [len(classes)]:
        raise MartletError(
            f"{len(classes)} classes do not fit the network's output (batch, "
            f"{', '.join(map(str, outputs))}); name each output once."
        )
    entry = proto.metadata_props.add()
    entry.key, entry.value = KEY, header
    batches = (1, 3)
    with replacing(path) as temporary:
        temporary.write_bytes(proto.SerializeToString())
        try:
            difference = verify(temporary, model, shape, batches=batches, pictures=pictures)
        except MartletError as error:
            raise MartletError(f"{path} was not written: {error}") from error
    return Exported(
        path=path,
        bytes=path.stat().st_size,
        max_difference=difference,
        batches=batches,
        opset=next(item.version for item in proto.opset_import if item.domain == ""),
        nodes=dict(sorted(Counter(node.op_type for node in proto.graph.node).items())),
    )


def _header(
    preprocess: Preprocess | None, classes: Sequence[str], meta: Mapping[str, object]
) -> str:
    content = {**meta, "format": FORMAT, "classes": list(classes)}
    if preprocess is not None:
        content["preprocess"] = preprocess.to_dict()
    try:
        return json.dumps(content, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise MartletError(f"meta cannot be written as JSON ({error}).") from error


def _convert(model: nn.Module, shape: tuple[int, ...], opset: int | None) -> Any:
    """The ModelProto of a folded copy on the CPU, float32, contiguous, without gradients."""
    ready = fold(copy.deepcopy(model).cpu().float()).requires_grad_(False)
    ready = ready.to(memory_format=torch.contiguous_format)
    batch = torch.export.Dim("batch")
    try:
        program = torch.onnx.export(
            ready,
            (torch.zeros(2, *shape),),
            dynamo=True,
            input_names=["input"],
            output_names=["logits"],
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
