"""What training starts from: fresh weights, those of another run, or published ones."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from martlet.console.progress import Voice
from martlet.data.class_names import one_form
from martlet.errors import MartletError
from martlet.models.classifier import ImageClassifier
from martlet.models.spec import Spec
from martlet.models.table import find, own_options, spec
from martlet.models.weights import renaming
from martlet.models.weights.published import Published, published
from martlet.models.weights.torchvision import to_channels
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.training.recipe import Recipe
from martlet.workflows.convert import OthersWeights, read_others
from martlet.workflows.open_network import checkpoint_path
from martlet.workflows.train.options import TrainOptions

USUAL = "shufflenet_v2_x1_0"  # the network when neither a name nor weights are given
WORDS = {"true": True, "false": False}
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar", ".onnx")  # of no name


@dataclass(frozen=True)
class Start:
    """The weights that training starts from.

    path, header: of a checkpoint, or of another library's weights; None without them.
    others: another library's weights, as a checkpoint has them.
    pretrained: those that torchvision publishes for the network, loaded when it is built.
    given: the option that says them, for errors: "weights=a.pth".
    by_name: whether they were published under a name; the form of the network is chosen as for
        `pretrained` then.
    """

    path: Path | None = None
    header: Header | None = None
    others: OthersWeights | None = None
    pretrained: bool = False
    given: str = ""
    by_name: bool = False
    told: str = ""

    @property
    def fresh(self) -> bool:
        """Whether the weights have learnt nothing yet."""
        return self.path is None and not self.pretrained

    @property
    def published(self) -> bool:
        """Whether the weights are others', mostly learnt from a million pictures."""
        return self.pretrained or (self.header is not None and self.header.trained is None)


@dataclass(frozen=True)
class Loaded:
    """What a network was given: a sentence, and a hash of the tensors ("" for fresh ones)."""

    told: str
    digest: str = ""


def start_of(options: TrainOptions) -> Start:
    """What `weights` or `pretrained` say, recognised by what is in the file; downloaded if a name.

    Raises MartletError for weights that are not there, of another network than `model`, and for
    two kinds of them.
    """
    given = options.pretrained
    if isinstance(given, str) and given.lower() in WORDS:  # as the command line has it
        given = WORDS[given.lower()]
    if options.weights is not None:
        if given:
            raise MartletError("weights and pretrained cannot both be set; choose one.")
        return _of_file(options.weights, f"weights={options.weights}", options)
    if isinstance(given, bool):
        return Start(pretrained=given)
    if Path(given).exists():
        return _of_file(Path(given), f"pretrained={given}", options)
    if isinstance(given, Path) or Path(given).suffix in SUFFIXES:
        raise MartletError(
            f"pretrained={given} does not exist; give a run folder, its model.safetensors, another "
            "library's file, or a name of published weights."
        )
    return _of_name(published(given), f"pretrained={given}", options)


def _of_file(file: Path, given: str, options: TrainOptions) -> Start:
    path = checkpoint_path(file)
    if checkpoint.is_ours(path):
        return Start(path, checkpoint.load_header(path), given=given)
    try:
        others = read_others(path, model=options.model)
    except MartletError as error:
        if options.model is None:
            raise
        try:
            others = read_others(path)
        except MartletError:
            raise error from None
        _check_name(others.header.network.name, given, options)
        raise
    return Start(path, others.header, others, given=given)


def _of_name(found: Published, given: str, options: TrainOptions) -> Start:
    """Nothing is downloaded for a network that is not asked for."""
    theirs = found.model.partition(".")[0]
    row = renaming.find(theirs, found.library, renaming.file_of(found.library).FAMILIES, {})[1]
    _check_name(row.name, given, options)
    told = found.get(Voice(options.quiet).say)
    others = read_others(found.path, source=found.library, model=found.model)
    return Start(found.path, others.header, others, given=given, by_name=True, told=told)


def _check_name(held: str, given: str, options: TrainOptions) -> None:
    """Raises MartletError when weights are of another network than the one that is asked for."""
    if options.model is not None and (asked := spec(options.model).name) != held:
        raise MartletError(
            f"{given} holds {held}, not {asked}; leave --model out, or give other weights."
        )


def network_name(options: TrainOptions, start: Start) -> str:
    """The network that is asked for, or that of the weights; MartletError when they differ."""
    if start.header is None:
        return USUAL if options.model is None else spec(options.model).name
    _check_name(start.header.network.name, start.given, options)
    return start.header.network.name


def network_options(options: TrainOptions, row: Spec, start: Start) -> dict[str, Any]:
    """What `create_model` needs beside name and sizes: as asked, and as the weights have it.

    Raises MartletError for an option that the network does not have, and for one that makes another
    function of the weights; attention is added to them.
    """
    asked = options.network_options
    given = own_options(find(row.name)[0], row, asked)
    if start.header is None:
        return given
    before = dict(start.header.network.options)
    for name in asked:
        if name != "attention" and given.get(name) != before.get(name):
            raise MartletError(
                f"model_options: {name}={asked[name]!r} is not what {start.path} was trained "
                "with; leave it out, or train without weights."
            )
    return before | given


def check_kept(recipe: Recipe, start: Start) -> None:
    """Raises MartletError for options that keep what was learnt before where nothing was."""
    if not start.fresh:
        return
    for name, keeps in (
        ("freeze", recipe.freeze != "none"),
        ("head_epochs", recipe.head_epochs > 0),
        ("few", recipe.few),
        ("norm", recipe.norm == "frozen"),
    ):
        if keeps:
            raise MartletError(
                f"{name}={getattr(recipe, name)!r} keeps weights that have learnt something, and "
                "these are fresh; give pretrained, or leave it out."
            )


def load_start(start: Start, model: nn.Module, network: Network, classes: Sequence[str]) -> Loaded:
    """Copy the weights of `start` into `model`; say what was taken.

    The classifier is taken too when its classes are these `classes`, by name and in this order;
    for others a fresh one is right, even when there are as many.
    """
    if start.pretrained:
        return Loaded(f"weights: torchvision's {network.name}, its classifier of these classes new")
    if start.path is None or start.header is None:
        return Loaded("weights: fresh")
    if start.others is None:
        trained, header = checkpoint.load_model(start.path)
        tensors = trained.state_dict()
    else:
        tensors, header = dict(start.others.state), start.header
    fresh = model.state_dict()
    same = list(map(one_form, header.classes)) == list(map(one_form, classes))
    head = [name for name in fresh if name.startswith("classifier.")]
    digest = _digest(tensors)
    added = [name for name in fresh if "attention." in name and name not in tensors]
    tensors |= {name: fresh[name] for name in added}
    if not same:
        tensors |= {name: fresh[name] for name in head}
    adapted = _adapt_channels(tensors, model)
    checkpoint.load_weights(model, tensors, start.path, network.name)
    count = len(tensors) - len(added) - (0 if same else len(head))
    told = f"weights: {count} tensors of {start.path}"
    if start.others is not None:
        told = f"weights: {count} tensors of {header.origin}"
        told = "; ".join([told, *start.others.told])
    told = f"{start.told}\n{told}" if start.told else told
    told += f"; {adapted}" if adapted else ""
    if added:
        told += f"; {len(added)} of attention are new"
    if same:
        return Loaded(f"{told}, with its classifier: the classes are the same", digest)
    known = ", ".join(header.classes[:3]) + (", …" if len(header.classes) > 3 else "")
    return Loaded(f"{told}; the classifier is new, since that of the weights knows {known}", digest)


def _adapt_channels(tensors: dict[str, Tensor], model: nn.Module) -> str:
    """Fit the first filters to the channels of the network's pictures; a sentence on it, or "".

    Gray pictures get the answers that they got as RGB ones of three equal channels.
    """
    if not isinstance(model, ImageClassifier):
        return ""
    name, first = renaming.first_convolution(model)
    weight = tensors.get(f"{name}.weight")
    if weight is None or weight.dim() != 4 or weight.shape[1] == first.in_channels:
        return ""
    before = weight.shape[1]
    tensors[f"{name}.weight"] = to_channels(weight, first.in_channels)
    how = "summed" if first.in_channels == 1 else "repeated and scaled"
    return f"the first filters, for {before} channels, are {how} for {first.in_channels}"


def _digest(tensors: dict[str, Tensor]) -> str:
    total = hashlib.blake2b(digest_size=8)
    for name, tensor in tensors.items():
        total.update(name.encode())
        total.update(tensor.contiguous().numpy().tobytes())
    return total.hexdigest()
