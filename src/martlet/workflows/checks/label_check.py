"""What is said of labels that may be wrong: a list, a sheet, a sentence."""

import csv
import io
from pathlib import Path

import numpy as np

from martlet.console.printable import printable
from martlet.data.kind import AnyPreprocess, Samples
from martlet.measuring.label_errors import Suspect, suspects
from martlet.report.predictions import Shown, draw_predictions
from martlet.storage.files import write_text
from martlet.workflows.folds.out_of_fold import OutOfFold
from martlet.workflows.run_folder import SHEET_OF_SUSPECTS, SUSPECTS

SHOWN = 24  # pictures on the sheet


def check_labels(
    folder: Path, found: OutOfFold, samples: Samples, preprocess: AnyPreprocess, noun: str
) -> str:
    """Write suspects.png, of pictures, then suspects.csv, by which a run that goes on knows that
    both are there; say how many labels are in doubt."""
    doubted = suspects(found.logits, found.targets)
    shown = sheet(found, doubted, samples, preprocess)
    if shown:
        title = "Labels in doubt, highest loss first: the answer, and the label"
        draw_predictions(shown, folder / SHEET_OF_SUSPECTS, title=title, truth="labelled")
    else:
        (folder / SHEET_OF_SUSPECTS).unlink(missing_ok=True)
    write_text(folder / SUSPECTS, suspects_csv(found, doubted))
    if not doubted:
        return f"Labels: what was not fitted on them agrees with the label of all {noun}."
    return (
        f"Labels: {len(doubted):,} of {len(found.targets):,} {noun} have another answer than their "
        f"label from what was not fitted on them. {SUSPECTS} lists them, highest loss first: "
        "mistakes in the labels come early, and hard ones after them."
    )


def suspects_csv(found: OutOfFold, doubted: list[Suspect]) -> str:
    """A row for each suspect, the likeliest mistake first.

    A path that would move a terminal's cursor, or is not UTF-8, is spelt as in `printable`.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["path", "label", "answer", "label_probability", "answer_probability"])
    for one in doubted:
        names = (found.names[one.number], found.classes[one.label], found.classes[one.answer])
        shares = (f"{share:.4f}" for share in (one.label_probability, one.probability))
        table.writerow([*(printable(str(name)) for name in names), *shares])
    return text.getvalue()


def sheet(
    found: OutOfFold, doubted: list[Suspect], samples: Samples, preprocess: AnyPreprocess
) -> list[Shown]:
    """The first suspects as pictures; none of other data."""
    if preprocess.kind != "image":
        return []
    place = {name: number for number, name in enumerate(samples.names)}
    return [
        Shown(
            pixels=np.asarray(samples[place[str(found.names[one.number])]]),
            truth=str(found.classes[one.label]),
            predicted=str(found.classes[one.answer]),
            probability=one.probability,
            name=Path(str(found.names[one.number])).name,
        )
        for one in doubted[:SHOWN]
    ]
