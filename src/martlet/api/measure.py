"""`measure`: milliseconds per input, engines side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from martlet.arguments import typed

if TYPE_CHECKING:
    from martlet.measuring.latency import Latency


@typed
def measure(
    run: Annotated[Path, "Run folder, model.safetensors, name of a network, or compiled folder."],
    *,
    engines: Annotated[
        Sequence[str],
        "torch, onnxruntime, c; several with commas (default: the first two; c where it is C).",
    ] = (),
    threads: Annotated[int, "Threads of each engine."] = 1,
    batch: Annotated[int, "Inputs per call."] = 1,
    seconds: Annotated[float, "Time given to each engine."] = 2.0,
    image_size: Annotated[int | None, "Side of the picture, for the name of a network."] = None,
    roofline: Annotated[
        bool, "Each layer against what memory and multipliers allow: roofline.png and .csv."
    ] = False,
) -> "list[Latency]":
    """Time a network on this machine, engines side by side.

    A network given by name has fresh weights, which take the same time as trained ones. For a run
    folder the rows are also shown in its report.html. Engine c is the network compiled to C; a
    folder that was compiled before has its own number of threads.

    The roofline is of the network compiled to C, on one core; its files lie in the run folder, or
    begin with the network's name in the current one.

    Raises MartletError for an engine that is not known and for what is neither a run nor a
    network.
    """
    from martlet.workflows.measure import time_engines

    return time_engines(run, tuple(engines), threads, batch, seconds, image_size, roofline)
