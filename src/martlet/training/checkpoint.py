"""A run's two weight files: model.safetensors (the best) and resume.safetensors (the last).

Weights converted from another library have the form of the first. All are plain safetensors with
one JSON text in the header, so that one file is enough to rebuild the network, preprocess a picture
and name the answer. Nothing is pickled.
"""

import json
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_type_hints

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from martlet.arguments import checked
from martlet.data.kind import AnyPreprocess
from martlet.data.kinds import preprocess_from
from martlet.errors import MartletError
from martlet.models import Classifier, create_model
from martlet.models.weights.file_kinds import not_weights
from martlet.models.weights.reading import is_pickled
from martlet.models.weights.renaming import misfits
from martlet.storage.files import write_bytes
from martlet.tasks.rejection import Unknown
from martlet.tasks.temperature import temperature_of
from martlet.training.recipe import Recipe
from martlet.training.run_files import MODEL
from martlet.version import versions

FORMAT = 2  # raised when a file of today can no longer be read by yesterday's version
KEY = "martlet"
CONVERT = "`martlet convert` makes a checkpoint of another library's weights"
HEADER = {"network": Mapping, "classes": Sequence[str], "metrics": Mapping, "state": Mapping}


@dataclass(frozen=True)
class Network:
    """What `create_model` needs to build the network again."""

    name: str
    num_classes: int
    in_chans: int
    small_input: bool
    options: Mapping[str, Any] = field(default_factory=dict)  # the network's own; plain data

    def build(self, drop_rate: float = 0.0, pretrained: bool = False) -> Classifier:
        """The network with fresh weights, or with published ones."""
        return create_model(
            self.name,
            num_classes=self.num_classes,
            in_chans=self.in_chans,
            small_input=self.small_input,
            drop_rate=drop_rate,
            pretrained=pretrained,
            **self.options,
        )


@dataclass(frozen=True)
class Header:
    """Everything but the weights: enough to predict, to report, and to train the same again."""

    network: Network
    classes: tuple[str, ...]
    preprocess: AnyPreprocess
    trained: Recipe | None  # None: by somebody else, see `origin`
    metrics: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)  # of the loop; resume.safetensors only
    origin: str = ""  # of converted weights: whose they are
    task: str = "classification"  # a key of `tasks.TASKS`
    start: str = ""  # hash of the weights that training started from
    teacher: str = ""  # hash of the weights whose answers were learnt from
    split: str = ""  # `saved_split.digest` of what the weights were trained and chosen on
    temperature: float = 1.0  # that logits are divided by; 1 where none was fitted, or before that
    unknown: Unknown | None = None  # the threshold of known samples; None where none was fitted

    @property
    def recipe(self) -> Recipe:
        """How the weights were trained; raises MartletError for converted ones."""
        if self.trained is None:
            raise MartletError(f"the weights come from {self.origin}; their recipe is not known.")
        return self.trained

    def with_metrics(self, metrics: Mapping[str, Any]) -> "Header":
        """A copy with these metrics."""
        return replace(self, metrics=metrics)

    def with_state(self, state: Mapping[str, Any]) -> "Header":
        """A copy with this state of the loop."""
        return replace(self, state=state)

    def to_json(self) -> str:
        """One JSON text; floats keep every bit."""
        return json.dumps(
            {
                "format": FORMAT,
                "versions": versions(),
                "network": vars(self.network),
                "classes": list(self.classes),
                "preprocess": self.preprocess.to_dict(),
                "recipe": None if self.trained is None else self.trained.to_dict(),
                "metrics": dict(self.metrics),
                "state": dict(self.state),
                "origin": self.origin,
                "task": self.task,
                "start": self.start,
                "teacher": self.teacher,
                "split": self.split,
                "temperature": self.temperature,
                "unknown": None if self.unknown is None else self.unknown.to_dict(),
            }
        )

    @classmethod
    def from_json(cls, text: str, path: Path) -> "Header":
        """Raises MartletError that names `path` when the text is not a header of this format."""
        try:
            values = json.loads(text)
            if checked("format", values["format"], int) > FORMAT:
                raise MartletError(
                    f"it was written by martlet {values['versions']['martlet']} (format "
                    f"{values['format']}); this version reads formats up to {FORMAT}."
                )
            given = {name: checked(name, values[name], kind) for name, kind in HEADER.items()}
            kinds = get_type_hints(Network)
            network = {name: checked(name, v, kinds[name]) for name, v in given["network"].items()}
            recipe = values["recipe"]
            return cls(
                network=Network(**network),
                classes=given["classes"],
                preprocess=preprocess_from(values["preprocess"]),
                trained=None if recipe is None else Recipe.from_dict(recipe),
                metrics=given["metrics"],
                state=given["state"],
                origin=checked("origin", values.get("origin", ""), str),
                task=checked("task", values.get("task", "classification"), str),
                start=checked("start", values.get("start", ""), str),
                teacher=checked("teacher", values.get("teacher", ""), str),
                split=checked("split", values.get("split", ""), str),
                temperature=temperature_of(values),
                unknown=Unknown.from_dict(values.get("unknown")),
            )
        except MartletError as error:
            raise MartletError(f"{path} has a header that cannot be read: {error}") from error
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            reason = reprlib.repr(error)
            raise MartletError(f"{path} has a header that cannot be read ({reason}).") from error


def save(path: Path, tensors: Mapping[str, Tensor], header: Header) -> None:
    """Write tensors and header as one file, whole or not at all."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, safetensors.torch.save(plain, metadata={KEY: header.to_json()}))


def load(path: str | Path) -> tuple[dict[str, Tensor], Header]:
    """Tensors and header of a file that `save` wrote.

    Raises MartletError when the file is missing, corrupt, cut short, from another program, or
    from a newer version.
    """
    with _opened(Path(path)) as (file, header):
        return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118


def load_header(path: str | Path) -> Header:
    """The header alone, whatever the size of the file; raises MartletError as `load` does."""
    with _opened(Path(path)) as (_, header):
        return header


def is_ours(path: Path) -> bool:
    """Whether a file carries a header of ours, of whatever content."""
    try:
        with safe_open(path, framework="pt") as file:
            return KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Header]]:
    if not path.is_file():
        raise MartletError(f"{path} does not exist; give a run folder or its model.safetensors.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if KEY not in metadata:
                raise MartletError(
                    f"{path} was not written by martlet (its header has no {KEY!r} entry); "
                    f"{CONVERT}."
                )
            yield file, Header.from_json(metadata[KEY], path)
    except (SafetensorError, OSError) as error:
        raise MartletError(f"{path} {_reason(path, error)}.") from error


def _reason(path: Path, error: Exception) -> str:
    """Why a file could not be opened as safetensors."""
    try:
        if what := not_weights(path):
            return what
        if is_pickled(path):
            return f"is no checkpoint of martlet; {CONVERT}"
    except OSError as refused:
        return f"cannot be read ({refused.strerror or refused})"
    return f"is corrupt or cut short ({error})"


def load_model(path: str | Path) -> tuple[Classifier, Header]:
    """The network of a run folder, its model.safetensors or its resume.safetensors, in eval mode.

    Raises MartletError as `load` does, and when the weights do not fit the network.
    """
    path = Path(path)
    if path.is_dir():
        path = path / MODEL
    tensors, header = load(path)
    if header.state:
        tensors = part(tensors, "ema" if header.recipe.ema else "model")
    check_fit(header.network, tensors, path)
    model = header.network.build()
    load_weights(model, tensors, path, header.network.name)
    return model.eval(), header


def check_fit(network: Network, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raises MartletError when the header's network is not that of the tensors.

    It is built without memory: a header may ask for any size, the tensors are there.
    """
    try:
        with torch.device("meta"):
            expected = network.build().state_dict()
    except MartletError as error:
        raise MartletError(f"{path} has a header that cannot be read: {error}") from error
    except Exception as error:  # of torch, for sizes that no tensor has
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise MartletError(f"{path} has a header of no network known here ({reason}).") from error
    if problems := misfits(tensors, expected):
        raise MartletError(f"{path} does not hold weights of {network.name}: {problems}.")


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix` and a dot, without it."""
    return {
        name.removeprefix(f"{prefix}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{prefix}.")
    }


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: Path, name: str) -> None:
    """Copy `tensors` into `model`; every name and shape must fit, else MartletError."""
    if problems := misfits(tensors, model.state_dict()):
        raise MartletError(f"{path} does not hold weights of {name}: {problems}.")
    model.load_state_dict(dict(tensors))
