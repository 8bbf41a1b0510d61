"""`evaluate`: score a trained network on data that it was not trained on."""

from pathlib import Path
from typing import Annotated, Any, Literal

from martlet.arguments import typed
from martlet.only_for import OnlyFor, limited


@typed
def evaluate(
    run: Annotated[Path, "Run folder, model.safetensors, or an exported model.onnx."],
    data: Annotated[
        Path,
        "Folder of class folders, alone or below train/, val/ and test/; a list of pictures (.csv, "
        ".tsv, .parquet) or shards of them (.tar); a scene; or recordings.",
    ],
    *,
    split: Annotated[
        Literal["test", "val", "train", "all"],
        "Part to score; test: all that the run was neither trained on nor chosen by.",
    ] = "test",
    max_bad: Annotated[
        float,
        "Pictures, boxes: share of unreadable ones that is let pass.",
        OnlyFor(["pictures", "boxes"]),
    ] = 0.01,
    device: Annotated[str, "Of a checkpoint: auto, cpu, cuda or mps."] = "auto",
    labels: Annotated[
        Path | None, "Scenes: file of the label map; 0 is no class.", OnlyFor(["scenes"])
    ] = None,
    array: Annotated[
        str | None, "Scenes: name of the array, where a file holds several.", OnlyFor(["scenes"])
    ] = None,
    labels_array: Annotated[
        str | None, "Scenes: the same of the label map's file.", OnlyFor(["scenes"])
    ] = None,
    bands_axis: Annotated[
        Literal[0, 1, 2] | None, "Scenes: the axis of the bands.", OnlyFor(["scenes"])
    ] = None,
    class_names: Annotated[
        Path | None, "Scenes: text file of the classes' names.", OnlyFor(["scenes"])
    ] = None,
    boxes: Annotated[
        Path | None, "Boxes: folder or file of annotations.", OnlyFor(["boxes"])
    ] = None,
    boxes_for: Annotated[
        Literal["upright", "stored"],
        "Boxes: which picture they are of, where EXIF turns it.",
        OnlyFor(["boxes"]),
    ] = "upright",
    path_column: Annotated[
        str | None, "Pictures: of a list, the column of paths.", OnlyFor(["pictures"])
    ] = None,
    label_column: Annotated[
        str | None, "Pictures: of a list, the column of labels.", OnlyFor(["pictures"])
    ] = None,
    group_by: Annotated[
        str | None,
        "Pictures: of a list, the column of groups; else as `train` was given.",
        OnlyFor(["pictures"]),
    ] = None,
    part_column: Annotated[
        str | None, "Pictures: of a list, the column of parts.", OnlyFor(["pictures"])
    ] = None,
    root: Annotated[
        Path | None, "Pictures: folder that paths of a list lie below.", OnlyFor(["pictures"])
    ] = None,
    tta: Annotated[
        Literal["none", "flip", "crops"],
        "Pictures: views that answers are means over: flip takes twice as long, crops ten times.",
        OnlyFor(["pictures"]),
    ] = "none",
    quiet: Annotated[bool, "Print nothing but the result."] = False,
) -> dict[str, Any]:
    """Score a trained network on labelled pictures, a scene's labelled pixels, or recordings.

    Pictures are told apart by their content, not their name: one that the run trained on, or that
    chose its checkpoint, is left out of the test part in whatever folder it lies, and counted. Of
    a scene that the run has seen, the pixels of its test part are scored.

    Returns a dict: part, left_out, how many were scored as "pictures", top1, balanced_top1,
    macro_f1, loss, top5 (from six classes on), per_class; ece, ece_adaptive and brier say how far
    the probabilities can be believed, "uncalibrated" the same without their temperature, and
    "unknown" which share of these samples lies below the threshold of known ones. Of other data
    "noun" says what they are called, and their number stands under that name: "pixels", "windows".
    Of boxes ap, ap50 and COCO's other figures stand in place of the accuracies, and "mistakes"
    counts them by kind. Of a scene top1 is the overall and balanced_top1 the average accuracy, with
    kappa and the protocol of the split; a "caution" stands where the figures are optimistic. Raises
    MartletError when the classes are not the network's, or nothing is left to score.
    """
    from martlet.workflows.evaluate import score

    options = {
        "labels": labels,
        "array": array,
        "labels_array": labels_array,
        "bands_axis": bands_axis,
        "class_names": class_names,
        "boxes": boxes,
        "boxes_for": boxes_for,
        "path_column": path_column,
        "label_column": label_column,
        "group_by": group_by,
        "part_column": part_column,
        "root": root,
        "tta": tta,
    }
    given = limited(evaluate, {"max_bad": max_bad, **options})
    return score(run, data, split, max_bad, device, quiet, options, given)
