"""How `measure` makes its engines."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from math import inf, prod
from pathlib import Path

import numpy as np
import torch
from torch import nn

from martlet.compiler import CompiledNetwork, compile_onnx
from martlet.compiler.targets import target as target_of
from martlet.data.pictures.preprocess import LARGEST_SIZE
from martlet.errors import MartletError, unknown
from martlet.inference import is_compiled
from martlet.measuring.cost import cost
from martlet.measuring.engines import Engine, onnxruntime_engine, torch_engine
from martlet.measuring.latency import Latency, latency
from martlet.memory import require_memory
from martlet.models import Classifier, create_model, spec
from martlet.models.detectors import Detector
from martlet.models.spec import check_network, input_shape
from martlet.storage.claim import claimed
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.training.run_files import MODEL
from martlet.workflows.bare_network import write_bare
from martlet.workflows.measured_rows import check_csv, keep
from martlet.workflows.open_network import checkpoint_path

ENGINES = ("torch", "onnxruntime", "c")
USUAL = ("torch", "onnxruntime")
MOST_THREADS = 1024  # of an engine: more are no machine of today
BOX_SIZE = 320  # side in pixels of a detector's picture, where none is asked for
BOX_CLASSES = 80  # of a detector by name: COCO's
WAIT_SECONDS = 10.0  # for another process that writes the report


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What `measure` is asked for; raises MartletError for what does not fit together."""

    engines: tuple[str, ...] = ()
    threads: int = 1
    batch: int = 1
    seconds: float = 2.0
    image_size: int | None = None
    roofline: bool = False
    ssh: str | None = None
    adb: str | None = None
    target: str | None = None
    csv: Path | None = None
    detector: str | None = None

    def __post_init__(self) -> None:
        names = tuple(part.strip() for name in self.engines for part in name.split(","))
        object.__setattr__(self, "engines", names)
        for name in names:
            if name not in ENGINES:
                raise unknown("engine", name, ENGINES)
        for option, value in (("batch", self.batch), ("threads", self.threads)):
            most = MOST_THREADS if option == "threads" else value
            if not 1 <= value <= most:
                accepted = f"1 to {most}" if option == "threads" else "1 or more"
                raise MartletError(f"{option}={value} is not accepted; give {accepted}.")
        if self.ssh is not None and self.adb is not None:
            raise MartletError(f"ssh={self.ssh!r} and adb={self.adb!r} are two machines; give one.")
        if not 0 < self.seconds < inf:
            raise MartletError(f"seconds={self.seconds} is not accepted; give a number above 0.")
        if self.target is not None and names and "c" not in names:
            raise MartletError(
                f"target={self.target!r} is of engine c, and engines={','.join(names)} has none; "
                "leave one of them out."
            )
        if self.target in ("native", "portable") and self.elsewhere:
            raise MartletError(
                f"target={self.target!r} is of this machine, and another one is measured; leave it "
                "out, or name a target."
            )
        if self.target is not None and not self.elsewhere and not target_of(self.target).is_here:
            raise MartletError(
                f"target={self.target!r} does not run here, and an emulator's time says nothing; "
                "give ssh or adb with a machine that it runs on."
            )
        others = [name for name in names if name != "c"]
        if self.elsewhere and (others or self.roofline):
            given = f"engines={','.join(others)}" if others else "roofline=True"
            raise MartletError(
                f"{given} is measured here, and {'ssh' if self.ssh else 'adb'} times engine c on "
                "another machine; leave one of them out."
            )

    @property
    def elsewhere(self) -> bool:
        """Whether another machine is measured."""
        return self.ssh is not None or self.adb is not None

    @property
    def of_files(self) -> bool:
        """Whether anything is asked for that needs the network as a file."""
        files = set(self.engines) - {"torch"}
        return bool(files or self.target or self.elsewhere or self.roofline)


def time_engines(run: Path | str, asked: Asked) -> list[Latency]:
    """The rows of `measure`; its files are written too, where they are asked for."""
    check_csv(asked.csv)
    if is_compiled(run) and not (Path(run) / MODEL).exists():
        if asked.roofline or asked.elsewhere or asked.target:
            raise MartletError(
                f"{run} is compiled already, and roofline, ssh, adb and target build anew; give "
                "the run, or the network's name."
            )
        rows = _time_compiled(Path(run), asked.engines, asked.batch, asked.seconds)
        keep(rows, str(run), asked.csv)
        return rows
    model, shape, header = _network(run, asked.image_size, asked.detector)
    if isinstance(model, Detector) and not model.exported and asked.of_files:
        model.told()  # says why there is none
    needed = asked.batch * (4 * prod(shape) + cost(model, (1, *shape)).peak_activation_bytes)
    require_memory(
        needed, f"a batch of {asked.batch} of shape {shape}", "give a smaller batch or size"
    )
    if asked.elsewhere:
        from martlet.workflows.on_device.measure_on import connect, time_on

        there = connect(asked.ssh, asked.adb)
        rows = [time_on(there, model, shape, asked.threads, asked.batch, asked.seconds,
                        asked.target)]  # fmt: skip
        keep(rows, header.network.name if header else str(run), asked.csv)
    else:
        rows = _time_here(run, model, shape, header, asked)
    return rows


def _time_here(
    run: Path | str,
    model: Classifier | Detector,
    shape: tuple[int, ...],
    header: Header | None,
    asked: Asked,
) -> list[Latency]:
    reported = header is not None and "per_class" in header.metrics and Path(run).is_dir()
    with claimed(Path(run)) if reported else nullcontext():
        pass  # an error before the work, not after it
    usual = ("torch",) if isinstance(model, Detector) and not model.exported else USUAL
    names = asked.engines or (("c",) if asked.target else usual)
    with engines_of(
        model, shape, names, asked.threads, model.num_classes, asked.target or "native"
    ) as engines:
        rows = latency(engines, _numbers(asked.batch, shape), seconds=asked.seconds)
    keep(rows, header.network.name if header else str(run), asked.csv)
    if asked.roofline:
        from martlet.workflows.roofline import write_roofline  # draws: matplotlib

        if header is None:
            write_roofline(model, shape, str(run), Path(), f"{run}_", asked.seconds)
        else:
            folder = checkpoint_path(Path(run)).parent
            write_roofline(model, shape, header.network.name, folder, "", asked.seconds)
    if header is not None and reported:
        from martlet.workflows.report_page import write_report

        with claimed(Path(run), wait=WAIT_SECONDS):
            write_report(Path(run), header, model, rows)
    return rows


def _numbers(batch: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((batch, *shape), dtype=np.float32)


@contextmanager
def engines_of(
    model: nn.Module,
    shape: tuple[int, ...],
    names: Sequence[str],
    threads: int,
    outputs: int,
    target: str = "native",
) -> Iterator[list[Engine]]:
    """The engines by name, of a network of so many outputs; their files are there while the block
    runs."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.onnx"
        if set(names) != {"torch"}:
            write_bare(model, path, shape, outputs)
        makers = {
            "torch": lambda: torch_engine(model, threads),
            "onnxruntime": lambda: onnxruntime_engine(path, threads),
            "c": lambda: _c_engine(
                compile_onnx(path, Path(scratch) / "c", threads=threads, target=target)
            ),
        }
        yield [makers[name]() for name in names]


def _c_engine(net: CompiledNetwork) -> Engine:
    return Engine("c", net.description.threads, net)


def _time_compiled(
    folder: Path, names: tuple[str, ...], batch: int, seconds: float
) -> list[Latency]:
    """The row of a compiled network, which only engine c runs."""
    if set(names) - {"c"}:
        raise MartletError(
            f"engines={','.join(names)} is not accepted for a compiled network; c is."
        )
    net = CompiledNetwork(folder)
    shapes = list(net.description.inputs.values())
    if len(shapes) != 1 or batch % shapes[0][0]:
        raise MartletError(
            f"batch={batch} does not fit {folder}, which was compiled for {shapes[0]}."
            if len(shapes) == 1
            else f"{folder} takes {len(shapes)} inputs; networks of one input can be measured."
        )
    return latency([_c_engine(net)], _numbers(batch, shapes[0][1:]), seconds=seconds)


def _network(
    run: Path | str, size: int | None, detector: str | None
) -> tuple[Classifier | Detector, tuple[int, ...], Header | None]:
    """Network, shape of one input, and the header when it is a run's."""
    path = Path(run)
    if not path.exists() and path.suffix == "" and path.parent == Path("."):
        row = spec(str(run))
        size = BOX_SIZE if detector is not None and size is None else size
        if size is not None and not 1 <= size <= LARGEST_SIZE:
            raise MartletError(f"image_size={size} is not accepted; give 1 to {LARGEST_SIZE}.")
        shape = input_shape(row, size)
        if size is not None:
            check_network(row, size, small_input=False)
        torch.manual_seed(0)
        if detector is not None:
            boxes = create_model(str(run), detector=detector, num_classes=BOX_CLASSES)
            return boxes.eval(), shape, None
        return create_model(str(run)).eval(), shape, None
    if detector is not None:
        raise MartletError(
            f"detector={detector!r} is for the name of a network, and {run} says its own; leave it "
            "out."
        )
    model, header = checkpoint.load_model(checkpoint_path(path))
    return model, header.preprocess.shape, header
