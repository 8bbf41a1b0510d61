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
    detector: Annotated[
        str | None,
        "Neck and head for boxes on the network of this name, of 80 classes at 320 pixels: "
        "lite or ssdlite.",
    ] = None,
    roofline: Annotated[
        bool, "Each layer against what memory and multipliers allow: roofline.png and .csv."
    ] = False,
    ssh: Annotated[
        str | None, "Host of another Linux machine, as ssh knows it: engine c is timed there."
    ] = None,
    adb: Annotated[str | None, "The same on an Android device, by its serial."] = None,
    target: Annotated[
        str | None, "Of engine c, as of `compile` (default: what the machine's processor has)."
    ] = None,
    csv: Annotated[
        Path | None, "File that the rows are added to, with the machine's record."
    ] = None,
) -> "list[Latency]":
    """Time a network on this machine, engines side by side.

    A network given by name has fresh weights, which take the same time as trained ones. For a run
    folder the rows are also shown in its report.html. Engine c is the network compiled to C; a
    folder that was compiled before has its own number of threads.

    The roofline is of the network compiled to C, on one core; its files lie in the run folder, or
    begin with the network's name in the current one.

    With ssh or adb the network is built here, copied, run on the fastest cores there, its outputs
    compared with ONNX Runtime's, and removed again; rows then have that machine's record: clocks
    and temperature before and after, governor. A target that does not run here has no time here,
    for an emulator's time says nothing.

    Raises MartletError for an engine that is not known and for what is neither a run nor a
    network.
    """
    from martlet.workflows.measure import Asked, time_engines

    asked = Asked(
        engines=tuple(engines),
        threads=threads,
        batch=batch,
        seconds=seconds,
        image_size=image_size,
        roofline=roofline,
        ssh=ssh,
        adb=adb,
        target=target,
        csv=csv,
        detector=detector,
    )
    return time_engines(run, asked)
