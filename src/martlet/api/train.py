"""`train`: from labelled data to a trained, evaluated network and its report."""

from pathlib import Path
from typing import Annotated

from martlet.arguments import takes
from martlet.workflows.run_folder import Run
from martlet.workflows.train.options import TrainOptions


@takes(TrainOptions)
def train(
    data: Annotated[
        Path,
        "Folder of class folders, alone or below train/, val/ and test/; a list of pictures (.csv, "
        ".tsv, .parquet) or shards of them (.tar); a scene; or recordings.",
    ],
    options: TrainOptions,
) -> Run:
    """Train a network on labelled pictures, on a scene with a label map, or on recordings.

    Then score it on what was held out and write its report.

    The run folder holds model.safetensors (the best epoch), resume.safetensors (the last step),
    metrics.csv, TensorBoard events, split.json, curves.png, confusion.png and report.html; of
    pictures also predictions.png, of a scene its maps. A run that was stopped or killed goes on
    with the same command and `--resume`, and ends with the weights that it would have had.

    A dry run returns what is expected in place of metrics: cost, seconds and memory.

    Raises MartletError, one sentence, for anything in the arguments or the data that is wrong;
    no earlier run is touched then.
    """
    if options.cross_validate is not None and options.fold is None and not options.dry_run:
        from martlet.workflows.folds.cross_validate import cross_validate

        return cross_validate(data, options)
    from martlet.workflows.train.protocols import carry_out_all

    return carry_out_all(data, options)
