"""`evaluate`: score a trained network on pictures that it was not trained on."""

from pathlib import Path
from typing import Annotated, Any, Literal

from martlet.arguments import typed


@typed
def evaluate(
    run: Annotated[Path, "Run folder, model.safetensors, or an exported model.onnx."],
    data: Annotated[Path, "Folder of class folders, alone or below train/, val/ and test/."],
    *,
    split: Annotated[
        Literal["test", "val", "train", "all"],
        "Part to score; test: all that the run was neither trained on nor chosen by.",
    ] = "test",
    max_bad: Annotated[float, "Share of unreadable pictures that is let pass."] = 0.01,
    device: Annotated[str, "Of a checkpoint: auto, cpu, cuda or mps."] = "auto",
    quiet: Annotated[bool, "Print nothing but the result."] = False,
) -> dict[str, Any]:
    """Score a trained network on a folder of labelled pictures.

    Pictures are told apart by their content, not their name: one that the run trained on, or that
    chose its checkpoint, is left out of the test part in whatever folder it lies, and counted.

    Returns a dict: part, pictures, left_out, top1, balanced_top1, macro_f1, loss, top5 (from six
    classes on), per_class. Raises MartletError when the folder's classes are not the network's,
    or nothing is left to score.
    """
    from martlet.workflows.evaluate import score

    return score(run, data, split, max_bad, device, quiet)
