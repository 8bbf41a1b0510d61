"""How `explain` finds what speaks for a class, and writes it over the pictures."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from martlet.data import kinds
from martlet.data.cache import cores
from martlet.data.class_names import one_form
from martlet.data.pictures.kind import PICTURES
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.sources import find_sources, image_of, name_of
from martlet.errors import MartletError, unknown
from martlet.inference import Network
from martlet.memory import eval_batch_size
from martlet.models.class_activation import class_activation
from martlet.models.classifier import Classifier
from martlet.report.evidence import Box, evidence_png
from martlet.storage.files import write_bytes
from martlet.training import checkpoint
from martlet.workflows.device import choose_device
from martlet.workflows.named_pictures import file_names, refuse_own
from martlet.workflows.open_network import checkpoint_path
from martlet.workflows.run_folder import EXPLAINED
from martlet.workflows.torch_network import torch_network

BATCH = 16  # pictures that are in memory at a time
LARGEST, SMALLEST = 1024, 256  # longest side of what is written, in pixels: shrunk, enlarged


@dataclass(frozen=True)
class Explanation:
    """One picture's answer and what speaks for a class, or why there is none.

    path: of the picture; label, probability: what the network answers, as `predict` does.
    class_name: whose evidence it is; class_probability: what the network gives that class.
    picture: the file that was written.
    evidence: (rows, columns), what each place of what the network sees adds to the logit of the
        class, where it is negative against it; for mobilenet_v3 a gradient's estimate of it.
    seen: left, top, right, bottom of those places, in pixels of the upright picture.
    """

    path: str
    label: str = ""
    probability: float = 0.0
    class_name: str = ""
    class_probability: float = 0.0
    picture: Path | None = None
    evidence: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    seen: Box | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe: the evidence as lists of rows."""
        values = {**vars(self), "picture": None if self.picture is None else str(self.picture)}
        rows = None if self.evidence is None else self.evidence.tolist()
        return {**values, "evidence": rows}


@dataclass(frozen=True)
class _Picture:
    """A picture as the network takes it, and as it is shown: box is what of that is seen."""

    input: NDArray[np.float32]
    shown: NDArray[np.uint8]
    box: Box
    seen: Box


def explanations(
    run: Path, given: Sequence[Any], class_name: str | None, output: Path | None, device: str
) -> list[Explanation]:
    """The answers of `explain`, each file written as soon as it is known."""
    if run.suffix == ".onnx":
        raise MartletError(
            f"{run} holds no maps of features to look into; give the run's folder or its "
            "model.safetensors."
        )
    path, on = checkpoint_path(run), choose_device(device)
    network = torch_network(path, on)
    preprocess = of_pictures(run, network)
    asked = None if class_name is None else number_of_class(class_name, network.classes)
    sources = find_sources(given)
    folder = path.parent / EXPLAINED if output is None else output
    called = [name_of(source, f"picture {n}") for n, source in enumerate(sources, 1)]
    files = [folder / name for name in file_names(called, EXPLAINED)]
    refuse_own(sources, files)
    model = checkpoint.load_model(path)[0].to(on)
    found: list[Explanation] = []
    at_once = eval_batch_size(preprocess.shape, BATCH)
    with ThreadPoolExecutor(cores()) as pool:
        for first in range(0, len(sources), at_once):
            some = slice(first, first + at_once)
            read = list(pool.map(partial(_read, preprocess), sources[some]))
            found += _explain(network, model, called[some], read, files[some], asked)
    return found


def of_pictures(run: Path, network: Network) -> Preprocess:
    """How the network's pictures are prepared; raises MartletError when it takes other data."""
    preprocess = network.preprocess
    if isinstance(preprocess, Preprocess) and preprocess.kind == PICTURES.name:
        return preprocess
    kind = kinds.find(preprocess.kind)
    instead = {
        "recordings": "windows.png in the run's report has what speaks for an answer along time",
        "scenes": "probability.png of its map shows where the network is sure",
        "boxes": "predict with --output draws what it finds, and where",
    }.get(kind.data, "give a run of pictures")
    raise MartletError(f"{run} takes {kind.data}, and explain is for pictures; {instead}.")


def number_of_class(name: str, classes: Sequence[str]) -> int:
    """Raises MartletError with the closest names for a class that the network does not know."""
    forms = [one_form(known) for known in classes]
    if one_form(name) not in forms:
        raise unknown("class", name, classes)
    return forms.index(one_form(name))


def _read(preprocess: Preprocess, source: Any) -> _Picture | str:
    """One of what `find_sources` lists, or the sentence why there is none."""
    try:
        image = image_of(source)
        values = preprocess.normalise(preprocess.crop(preprocess.resize(image)))
        seen = preprocess.seen(image.width, image.height)
    except MartletError as error:
        return str(error)
    longest = max(image.size)
    factor = max(1, SMALLEST // longest) if longest < LARGEST else LARGEST / longest
    size = [max(1, round(side * factor)) for side in image.size]
    how = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.LANCZOS
    shown = image if tuple(size) == image.size else image.resize((size[0], size[1]), how)
    across, down = size[0] / image.width, size[1] / image.height
    box = seen[0] * across, seen[1] * down, seen[2] * across, seen[3] * down
    return _Picture(values, np.asarray(shown), box, seen)


def _explain(
    network: Network,
    model: Classifier,
    names: Sequence[str],
    read: Sequence[_Picture | str],
    files: Sequence[Path],
    asked: int | None,
) -> list[Explanation]:
    """The answers of some pictures; `asked`: the class to explain, None: each one's own answer."""
    pictures = [one for one in read if not isinstance(one, str)]
    if not pictures:
        return [Explanation(name, error=str(one)) for name, one in zip(names, read, strict=True)]
    batch = np.stack([one.input for one in pictures])
    logits = network.logits(batch)
    classes = logits.argmax(axis=1) if asked is None else np.full(len(logits), asked)
    device = next(model.parameters()).device
    inputs = torch.from_numpy(batch).to(device)
    maps = class_activation(model, inputs, torch.from_numpy(classes).to(device))
    rows = iter(zip(logits, classes.tolist(), maps.float().cpu().numpy(), strict=True))
    found = []
    for name, one, file in zip(names, read, files, strict=True):
        if isinstance(one, str):
            found.append(Explanation(name, error=one))
        else:
            found.append(_written(network, name, one, file, *next(rows)))
    return found


def _written(
    network: Network,
    name: str,
    one: _Picture,
    file: Path,
    logits: NDArray[np.float32],
    number: int,
    evidence: NDArray[np.float32],
) -> Explanation:
    """The answer of one picture, with its file."""
    answer = network.task.answer(name, logits, network.classes, len(network.classes))
    if answer.error is not None:
        return Explanation(name, error=answer.error)
    class_name = network.classes[number]
    probability = dict(answer.top)[class_name]
    told = (
        f"What in {Path(name).name} speaks for {class_name} ({100 * probability:.1f} %), from dark "
        "(nothing) to yellow."
    )
    write_bytes(file, evidence_png(one.shown, evidence, one.box, told))
    return Explanation(
        name, answer.label, answer.probability, class_name, probability, file, evidence, one.seen
    )
