"""`predict`: name what is in pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from martlet.arguments import typed

if TYPE_CHECKING:
    from martlet.inference import Prediction


@typed
def predict(
    run: Annotated[Path, "Run folder, its model.safetensors or model.onnx, or a compiled folder."],
    pictures: Annotated[
        Sequence[Path | object],
        "Pictures, folders of pictures, patterns such as '*.jpg', - for standard input.",
    ],
    *,
    top: Annotated[int, "Classes listed for each picture."] = 3,
    device: Annotated[str, "Of a checkpoint: auto, cpu, cuda or mps."] = "auto",
) -> "list[Prediction]":
    """Name what is in each picture, or in every picture of a folder.

    One answer per picture, in the order given. A picture that cannot be read gets an error in
    place of an answer, and the others are not held up.

    Args from Python: pictures may also be PIL pictures, uint8 arrays (H, W, 3) or (H, W) in RGB or
    gray, and files opened for reading bytes.

    Raises MartletError when there is no picture, or `run` is no trained network.
    """
    from martlet.workflows.predict import predict_pictures

    return predict_pictures(run, pictures, top, device)
