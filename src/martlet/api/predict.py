"""`predict`: name what is in pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from martlet.arguments import typed
from martlet.only_for import OnlyFor, limited

if TYPE_CHECKING:
    from martlet.inference import Prediction
    from martlet.workflows.box_files import PictureBoxes
    from martlet.workflows.predict_scene import SceneMap
    from martlet.workflows.predict_series import Timeline


@typed
def predict(
    run: Annotated[Path, "Run folder, its model.safetensors or model.onnx, or a compiled folder."],
    pictures: Annotated[
        Sequence[Path | object],
        "Pictures, folders or lists of pictures, patterns such as '*.jpg', - for standard input; "
        "scenes; recordings.",
    ],
    *,
    top: Annotated[int, "Pictures: classes listed for each.", OnlyFor(["pictures"])] = 3,
    unknown: Annotated[
        bool, "Answer unknown where nothing is like the data that the network was trained on."
    ] = False,
    device: Annotated[str, "Of a checkpoint: auto, cpu, cuda or mps."] = "auto",
    output: Annotated[
        Path | None,
        "Scenes, recordings: folder of what is written (default: SCENE_map, RECORDING_timeline, "
        "beside the network). Boxes: folder of drawn pictures, boxes.csv and boxes.json, COCO's "
        "results (default: none).",
        OnlyFor(["scenes", "recordings", "boxes"]),
    ] = None,
    threshold: Annotated[
        float | None, "Boxes: lowest score of what is shown (default: 0.3).", OnlyFor(["boxes"])
    ] = None,
    per_class: Annotated[
        Mapping[str, Any] | None,
        "Boxes: lowest score of single classes; CLASS=SCORE, repeated, as a flag.",
        OnlyFor(["boxes"]),
    ] = None,
    coco_ids: Annotated[
        Path | None,
        "Boxes: COCO JSON whose ids boxes.json has for pictures and classes (default: positions).",
        OnlyFor(["boxes"]),
    ] = None,
    array: Annotated[
        str | None, "Scenes: name of the array, where a file holds several.", OnlyFor(["scenes"])
    ] = None,
    bands_axis: Annotated[
        Literal[0, 1, 2] | None, "Scenes: the axis of the bands.", OnlyFor(["scenes"])
    ] = None,
    smooth: Annotated[
        str | None,
        "Recordings: shortest stretch of a label, a time or samples (default: a window).",
        OnlyFor(["recordings"]),
    ] = None,
    path_column: Annotated[
        str | None, "Pictures: of a list, the column of paths.", OnlyFor(["pictures"])
    ] = None,
    root: Annotated[
        Path | None, "Pictures: folder that paths of a list lie below.", OnlyFor(["pictures"])
    ] = None,
    tta: Annotated[
        Literal["none", "flip", "crops"],
        "Pictures: views that answers are means over: flip takes twice as long, crops ten times.",
        OnlyFor(["pictures"]),
    ] = "none",
    quiet: Annotated[bool, "Print nothing but the answers."] = False,
) -> "list[Prediction] | list[PictureBoxes] | list[SceneMap] | list[Timeline]":
    """Name what is in each picture, or in every picture of a folder.

    One answer per picture, in the order given. A picture that cannot be read gets an error in
    place of an answer, and the others are not held up. A hyperspectral scene becomes a map of
    classes and one of their probabilities; a run that was stopped goes on where it was. A
    recording of sensors becomes a timeline: segments.csv and a picture. A network of boxes answers
    with the boxes of each picture, which `output` draws.

    With `unknown`, a sample that scores below the threshold that `train` fitted is of no class that
    the network knows: a picture's label is "unknown" then, with the best guesses beside it; a scene
    and a recording have a class of that name more.

    Args from Python: pictures may also be PIL pictures, uint8 arrays (H, W, 3) or (H, W) in RGB or
    gray, and files opened for reading bytes.

    Raises MartletError when there is no picture, or `run` is no trained network, or has no
    threshold while unknown is asked for.
    """
    from martlet.workflows.predict import answers

    own: dict[str, Any] = {
        "output": output,
        "array": array,
        "bands_axis": bands_axis,
        "smooth": smooth,
    }
    own |= {"threshold": threshold, "per_class": per_class, "coco_ids": coco_ids}
    own |= {"path_column": path_column, "root": root, "tta": tta}
    given = limited(predict, {"top": top, **own})
    return answers(run, pictures, top, device, {**own, "unknown": unknown, "quiet": quiet}, given)
