"""What training starts from: fresh weights, those of another run, or published ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from martlet.console.progress import Voice
from martlet.errors import MartletError
from martlet.models.detectors import DETECTOR
from martlet.models.spec import Spec
from martlet.models.table import find, own_options, spec
from martlet.models.weights import renaming
from martlet.models.weights.published import Published, published
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
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
    if before.pop("detector", None) is not None and options.boxes is None:
        raise MartletError(
            f"{start.given or start.path} finds boxes, and classes are learnt here; give weights "
            "of classes, or boxes."
        )
    for name in asked:
        if name != "attention" and given.get(name) != before.get(name):
            raise MartletError(
                f"model_options: {name}={asked[name]!r} is not what {start.path} was trained "
                "with; leave it out, or train without weights."
            )
    return before | given


def detector_name(options: TrainOptions, start: Start) -> str:
    """The detector that is asked for, or that of the weights; MartletError when they differ."""
    held = None if start.header is None else start.header.network.options.get("detector")
    asked = options.detector
    if asked is not None and held not in (None, asked):
        raise MartletError(
            f"{start.given or start.path} holds the detector {held}, not {asked}; leave --detector "
            "out, or give weights of classes."
        )
    return asked or held or DETECTOR


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
