"""What each network of a cross-validation answered of the samples that it had not seen."""

import io
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError
from martlet.storage.files import write_bytes

OUT_OF_FOLD = "out_of_fold.npz"


@dataclass(frozen=True)
class OutOfFold:
    """A row for each sample that a fold held out, in the order of the folds.

    classes: names (classes,), in the order of the logits.
    names, digests: path below the data, and content hash, of each sample (samples,).
    targets: number of its class (samples,). folds: from 1, which held it out (samples,).
    logits: float32 (samples, classes).
    """

    classes: NDArray[np.str_]
    names: NDArray[np.str_]
    digests: NDArray[np.str_]
    targets: NDArray[np.int64]
    folds: NDArray[np.int64]
    logits: NDArray[np.float32]


def write_out_of_fold(folder: Path, found: OutOfFold) -> None:
    """Write out_of_fold.npz, whole or not at all; nothing in it is pickled."""
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **vars(found))
    write_bytes(folder / OUT_OF_FOLD, file.getvalue())


def read_out_of_fold(folder: Path) -> OutOfFold:
    """The answers in a folder that `train --cross-validate` made.

    Raises MartletError when they are missing or damaged.
    """
    path = folder / OUT_OF_FOLD
    try:
        with np.load(path, allow_pickle=False) as file:
            return OutOfFold(**{one.name: file[one.name] for one in fields(OutOfFold)})
    except FileNotFoundError:
        raise MartletError(
            f"{folder} has no {OUT_OF_FOLD}; `train --cross-validate` writes it."
        ) from None
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
        raise MartletError(f"{path} is damaged ({error}); make it anew with --resume.") from error
