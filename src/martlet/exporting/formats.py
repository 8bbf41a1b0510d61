"""The formats of `export`: each is written, run, compared with PyTorch, and only then kept.

To add a format, write its file in this folder and name it in FORMATS.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from martlet.data.kind import AnyPreprocess
from martlet.errors import MartletError
from martlet.exporting import c, onnx
from martlet.exporting.trained import LOGITS, Check, Trained
from martlet.exporting.verify import Run, verify
from martlet.inference import open_onnx


@dataclass(frozen=True)
class Format:
    """How a trained network becomes a file, or a folder of files, and how that is run.

    `write(trained, path, check)` writes all of it or nothing. It calls `check` with the place where
    it lies before it gets its name; what that raises leaves nothing, and what was at `path` before.
    It returns fields of Exported that it alone knows. `open(path)` maps a batch to outputs.
    """

    name: str
    suffix: str  # of the file; "" for a folder
    write: Callable[[Trained, Path, Check], Mapping[str, Any]]
    open: Callable[[Path], Run]


ONNX = Format("onnx", ".onnx", onnx.write, open_onnx)
C = Format("c", "", c.write, c.load)
FORMATS = {format.name: format for format in (ONNX, C)}


@dataclass(frozen=True)
class Exported:
    """A verified file. `max_difference` from PyTorch is relative to the output's scale."""

    path: Path
    bytes: int
    max_difference: float
    batches: tuple[int, ...]
    opset: int | None = None  # of an ONNX file
    nodes: dict[str, int] = field(default_factory=dict)  # its operator -> how often it is there


def export(
    trained: Trained,
    path: Path,
    format: Format,
    *,
    batches: Sequence[int] = (1, 3),
) -> Exported:
    """Write `trained` to `path`; keep it when its answers are PyTorch's.

    They are compared on batches of these sizes. Raises MartletError when they differ or anything
    fails: no new file is left, and what was at `path` before is unchanged.
    """
    differences = []

    def check(place: Path) -> None:
        try:
            run = format.open(place)
            found = verify(
                run,
                trained.model,
                trained.shape,
                batches=batches,
                temperature=trained.temperature,
            )
        except MartletError as error:
            raise MartletError(f"{path} was not written: {error}") from error
        differences.append(found)

    facts = format.write(trained, path, check)
    assert differences, f"format {format.name} was written without a check"
    files = path.iterdir() if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    return Exported(path, size, differences[-1], tuple(batches), **facts)


def export_onnx(
    model: nn.Module,
    path: str | Path,
    *,
    preprocess: AnyPreprocess | None,
    classes: Sequence[str],
    shape: tuple[int, ...] | None = None,
    meta: Mapping[str, object] | None = None,
    opset: int | None = None,
    output: str = LOGITS,
) -> Exported:
    """`export` of any model to ONNX, in the operator set `opset`; see `Trained.of` for the rest."""
    trained = Trained.of(
        model, preprocess=preprocess, classes=classes, shape=shape, meta=meta, output=output
    )
    format = replace(ONNX, write=partial(onnx.write, opset=opset))
    return export(trained, Path(path), format)
