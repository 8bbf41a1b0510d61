"""`explain`: show what in a picture speaks for its class."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from martlet.arguments import typed

if TYPE_CHECKING:
    from martlet.workflows.explain import Explanation


@typed
def explain(
    run: Annotated[Path, "Run folder of pictures, or its model.safetensors."],
    pictures: Annotated[
        Sequence[Path | object],
        "Pictures, folders of pictures, patterns such as '*.jpg', - for standard input.",
    ],
    *,
    class_name: Annotated[
        str | None, "Class that the evidence is for (default: the answer).", "--class"
    ] = None,
    output: Annotated[
        Path | None,
        "Folder of what is written (default: explained, beside the network).",
        *("--output", "--out", "-o"),
    ] = None,
    device: Annotated[str, "auto, cpu, cuda or mps."] = "auto",
) -> "list[Explanation]":
    """Show what in each picture speaks for its class, or for another one.

    Writes NAME_explained.png for each picture: upright, with a class activation map over it, from
    dark (nothing there speaks for the class) to yellow; what the network does not see is darkened.
    One answer per picture, in the order given. A picture that cannot be read gets an error in
    place of an answer, and the others are not held up.

    Args from Python: pictures may also be PIL pictures, uint8 arrays (H, W, 3) or (H, W) in RGB or
    gray, and files opened for reading bytes.

    Raises MartletError when there is no picture, `run` is no trained network of pictures, it knows
    no such class, or a file cannot be written.
    """
    from martlet.workflows.explain import explanations

    return explanations(run, pictures, class_name, output, device)
