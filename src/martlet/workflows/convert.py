"""How `convert` makes a checkpoint of another library's weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from martlet.data.boxes.preprocess import BoxPreprocess
from martlet.data.class_names import one_form
from martlet.data.pictures.kind import SMALL
from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError, quoted
from martlet.models.spec import ImageInput, check_network
from martlet.models.table import spec
from martlet.models.weights import reading
from martlet.models.weights.recognising import Recognised, recognise
from martlet.models.weights.renaming import Converted
from martlet.models.weights.torchvision_detectors import COCO, categories
from martlet.models.weights.unwrapping import Candidate
from martlet.tasks.classification import CLASSIFICATION
from martlet.tasks.detection.task import DETECTION
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.workflows.hub_config import hub_model, hub_settings


@dataclass(frozen=True)
class ConvertedFile:
    """A checkpoint made from another library's weights."""

    path: Path
    network: str
    options: dict[str, Any]  # of the network, that give it the library's structure
    tensors: int
    params: int
    classes: int
    preprocess: Preprocess
    origin: str
    told: tuple[str, ...] = ()  # which of the file's tensors were taken, and what was left out


@dataclass(frozen=True)
class OthersWeights:
    """Another library's weights as a checkpoint of ours has them."""

    header: Header
    preprocess: Preprocess  # the header's
    state: dict[str, Tensor]
    params: int
    told: tuple[str, ...]  # which of the file's tensors were taken, and what was left out


def convert_weights(
    file: Path,
    source: str | None,
    model: str | None,
    output: Path | None,
    classes: Path | None,
    prepared: Mapping[str, Any],
    overwrite: bool,
) -> ConvertedFile:
    """The checkpoint of `convert`; `prepared` are settings of Preprocess, empty where not given."""
    if output is not None and output.suffix != ".safetensors":
        raise MartletError(
            f"output={output} is not accepted; give a name that ends in .safetensors."
        )
    made = read_others(file, source, model, prepared, classes)
    network, names = made.header.network, made.header.classes
    path = Path(f"{model or network.name}.safetensors") if output is None else output
    if path.exists() and (not overwrite or path.samefile(file)):
        raise MartletError(f"{path} exists already; choose another --output, or --overwrite.")
    checkpoint.save(path, made.state, made.header)
    return ConvertedFile(
        path,
        network.name,
        dict(network.options),
        len(made.state),
        made.params,
        len(names),
        made.preprocess,
        made.header.origin,
        made.told,
    )


def read_others(
    file: Path,
    source: str | None = None,
    model: str | None = None,
    prepared: Mapping[str, Any] | None = None,
    classes: Path | None = None,
) -> OthersWeights:
    """The weights of another library in `file`, recognised where `source` or `model` is not given.

    Raises MartletError for a file that is no weights, or of no network of ours.
    """
    given = {k: value for k, value in (prepared or {}).items() if value not in (None, (), [])}
    recognised, told = _recognise(file, reading.read_weights(file), source, model)
    reading.check_tensors(recognised.taken, file)
    found = recognised.found
    if told is not None:
        given = hub_settings(file, told, given) | given
    detects = "detector" in found.options
    names = class_names(found.num_classes, classes, detects)
    preprocess = preprocess_of(found, given)
    header = Header(
        Network(found.name, found.num_classes, found.in_chans, False, found.options),
        names,
        preprocess,
        trained=None,
        origin=f"{recognised.library}'s {model or told or found.name} ({file.name})",
        task=(DETECTION if detects else CLASSIFICATION).name,
    )
    params = sum(parameter.numel() for parameter in found.build().parameters())
    return OthersWeights(header, preprocess, found.state, params, recognised.told)


def _recognise(
    file: Path, candidates: Sequence[Candidate], source: str | None, model: str | None
) -> tuple[Recognised, str | None]:
    """Whose weights they are, and the name in the config.json beside `file` if it is theirs.

    It is theirs when the tensors fit what it says and that is the network asked for, if one is:
    other weights may have left it there.
    """
    told = hub_model(file) if source in (None, "timm") else None
    by_file: Recognised | None = None
    refused: MartletError | None = None
    if told is not None:
        try:
            by_file = recognise(file, candidates, "timm", told)
        except MartletError as error:
            refused = error
    if by_file is not None and model is None:
        return by_file, told
    asked = model
    if source == "timm" and model is not None:
        asked = model.partition(".")[0]  # behind the point stands which training
    try:
        found = recognise(file, candidates, source, asked)
    except MartletError as error:
        if refused is None or model is not None or str(refused) == str(error):
            raise
        # It says whose they are meant to be, and so what does not fit.
        raise MartletError(f"{file.with_name('config.json')}: {refused}") from error
    if by_file is not None and _form(by_file) == _form(found):
        return by_file, told
    if told is not None:
        beside = f"left out: config.json beside the weights, which is of timm's {told}"
        found = replace(found, told=(*found.told, beside))
    return found, None


def _form(recognised: Recognised) -> tuple[str, dict[str, Any]]:
    """Two of the same form are one function, whatever a library calls it."""
    return recognised.found.name, recognised.found.options


def open_weights(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """Header and tensors of a checkpoint whose network they fit, or of others' weights."""
    if not checkpoint.is_ours(path):
        others = read_others(path)
        return others.header, others.state
    tensors, header = checkpoint.load(path)
    if header.state:
        tensors = checkpoint.part(tensors, "ema" if header.recipe.ema else "model")
    checkpoint.check_fit(header.network, tensors, path)
    return header, tensors


def class_names(count: int, file: Path | None, detects: bool = False) -> tuple[str, ...]:
    """Names from a text file, ImageNet's for 1000 classes, of a detector COCO's for 90; or numbers.

    Raises MartletError when the file does not name every class once.
    """
    if file is not None:
        try:
            names = Path(file).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise MartletError(f"classes={file} cannot be read ({error}).") from error
        names = [one_form(name.strip()) for name in names if name.strip()]
        if len(names) != count:
            raise MartletError(
                f"classes={file} names {len(names)} class{'' if len(names) == 1 else 'es'}; "
                f"the weights have {count}."
            )
    elif detects and count == COCO:
        names = categories()
    elif count == 1000:
        from torchvision.models import MobileNet_V2_Weights

        names = MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
    else:
        names = [str(number) for number in range(count)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MartletError(f"classes={file} names {quoted(twice[0])} more than once.")
    return tuple(names)


def preprocess_of(found: Converted, given: Mapping[str, Any]) -> Preprocess:
    """The library's preprocessing, with what was `given` in its place.

    Raises MartletError for a value out of range, and for a network that takes no picture of one
    or three channels, or none of this size.
    """
    row = spec(found.name)
    if found.in_chans not in (1, 3) or not isinstance(row.input, ImageInput):
        raise MartletError(
            f"the weights take {found.in_chans} channels; a checkpoint takes pictures of 1 or 3."
        )
    settings = {"size": row.input.height} | found.preprocess | dict(given)
    if isinstance(settings["size"], int) and settings["size"] <= SMALL:
        settings.setdefault("crop_pct", 1.0)
    for key in ("mean", "std"):
        values = settings.get(key, ())
        if isinstance(values, (int, float)):
            values = (values,)
        if isinstance(values, (list, tuple)) and len(values) == 1:
            values = tuple(values) * found.in_chans
        settings[key] = values
    form = BoxPreprocess if "detector" in found.options else Preprocess
    preprocess = form(channels="RGB" if found.in_chans == 3 else "L", **settings)
    check_network(row, preprocess.size, bool(found.options.get("small_input")))
    return preprocess
