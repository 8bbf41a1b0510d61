"""`convert`: weights of another library as a checkpoint of ours."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from martlet.arguments import typed

if TYPE_CHECKING:
    from martlet.workflows.convert import ConvertedFile


@typed
def convert(
    file: Annotated[Path, "Weights: .pth, .pt, .ckpt, .bin, .tar or .safetensors."],
    *,
    source: Annotated[
        Literal["pytorchcv", "shufflenet_authors", "timm", "torchvision"] | None,
        "Library that the weights are of (default: recognised by its names of tensors).",
        "--from",
    ] = None,
    model: Annotated[
        str | None, "Network, by our name or the library's (default: recognised by its tensors)."
    ] = None,
    output: Annotated[
        Path | None, "File to write (default: MODEL.safetensors in this folder).", "--output", "-o"
    ] = None,
    classes: Annotated[
        Path | None, "File with a class a line (default: ImageNet's for 1000, else numbers)."
    ] = None,
    image_size: Annotated[int | None, "Side of the picture (default: the network's)."] = None,
    crop_pct: Annotated[
        float | None, "Share of the resized picture's short side that is kept."
    ] = None,
    interpolation: Annotated[
        Literal["bilinear", "bicubic"] | None, "Of the resize (default: the library's)."
    ] = None,
    mean: Annotated[Sequence[float], "Per channel, of values 0 to 1; one stands for all."] = (),
    std: Annotated[Sequence[float], "Per channel, of values 0 to 1; one stands for all."] = (),
    overwrite: Annotated[bool, "Replace an earlier output file."] = False,
) -> "ConvertedFile":
    """Make a checkpoint of another library's weights.

    The file that is written works with `predict`, `export`, `measure`, `evaluate` and `train
    --weights`; the latter takes `file` itself, too. Whose weights they are is told by the names
    and shapes of the tensors, unless it is given. Of averaged (EMA) and raw weights in one file
    the averaged ones are taken; that, and what is left out, is said. How pictures are prepared is
    what the library does for most of its weights, or, for timm, what the config.json beside the
    file says; what differs must be given.

    Raises MartletError, and writes nothing, for a file that cannot be read without running code
    in it, for weights that are not those of the network, and for a config.json with values that
    are not accepted.
    """
    from martlet.workflows.convert import convert_weights

    prepared = {
        "size": image_size,
        "crop_pct": crop_pct,
        "interpolation": interpolation,
        "mean": mean,
        "std": std,
    }
    return convert_weights(file, source, model, output, classes, prepared, overwrite)
