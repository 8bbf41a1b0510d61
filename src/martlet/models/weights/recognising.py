"""Whose network a file of weights is, told by the names and shapes of its tensors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from martlet.errors import MartletError, quoted
from martlet.models.spec import ImageInput, Spec
from martlet.models.table import list_models, spec
from martlet.models.weights.renaming import (
    Converted,
    Family,
    State,
    file_of,
    find,
    fitted,
    rename,
)
from martlet.models.weights.torchvision_detectors import detector_of
from martlet.models.weights.unwrapping import Candidate

NEAREST = 6  # rows of a family that are tried, by their params: options change those a little
ORDER = ("torchvision", "timm", "pytorchcv", "shufflenet_authors")  # the first that fits counts


@dataclass(frozen=True)
class Recognised:
    """Whose network it is, which tensors of the file were taken, and sentences on both."""

    library: str
    found: Converted
    taken: State  # of the file, by the library's names
    told: tuple[str, ...]


def recognise(
    file: Path, candidates: Sequence[Candidate], library: str | None, name: str | None
) -> Recognised:
    """The first of the `candidates` that is a network of ours, of `library` and `name` if given.

    Raises MartletError when none is, and when its tensors are those of two networks that compute
    different functions.
    """
    refused: list[tuple[int, MartletError]] = []
    sources = ORDER if library is None else (library,)
    if "torchvision" in sources and (detector := _detector(candidates, name)) is not None:
        return detector
    for candidate in candidates:
        for source in sources:
            if candidate.fault:
                refused.append((-_named(candidate.state, source), MartletError(candidate.fault)))
                continue
            try:
                fits = list(_fits(candidate.state, source, name))
            except MartletError as error:
                refused.append((-_named(candidate.state, source), error))
                continue
            if fits:
                found = _one_of(file, source, fits)
                told = [*candidate.told]
                if library is None and source == "torchvision":
                    told += _as_timm(candidate.state, name)
                return Recognised(source, found, candidate.state, tuple(told))
    if library is not None and name is not None:
        raise min(refused, key=lambda pair: pair[0])[1]
    closest, source = max(
        ((found, source) for found in candidates for source in sources),
        key=lambda pair: _named(pair[0].state, pair[1]),
    )
    if closest.fault:
        raise MartletError(closest.fault)
    if name is not None:
        spec(name)
    of = f"{library or 'any library'}'s {name or 'networks'}"
    raise _unknown(file, closest.state, source, of)


def _detector(candidates: Sequence[Candidate], name: str | None) -> Recognised | None:
    """The first of the candidates that is a detector of torchvision's, on this network if given."""
    for candidate in candidates:
        found = None if candidate.fault else detector_of(candidate.state)
        if found is not None and (name is None or spec(name).name == found.name):
            return Recognised("torchvision", found, candidate.state, candidate.told)
    return None


def _fits(state: State, library: str, name: str | None) -> Iterator[Converted]:
    """The networks of the library that have just these tensors."""
    families: tuple[Family, ...] = file_of(library).FAMILIES
    if name is not None:
        family, row = find(name, library, families, state)
        yield fitted(state, library, family, row)
        return
    for family in families:
        renamed, left_over = rename(state, family)
        if left_over or not renamed or (family.marker and family.marker not in state):
            continue
        nearest = None
        for distance, row in _rows(renamed, family):
            if nearest is not None and distance > nearest:
                break
            try:
                yield fitted(state, library, family, row)
            except MartletError:
                continue
            nearest = distance


def _rows(renamed: State, family: Family) -> list[tuple[int, Spec]]:
    """The family's nearest rows, each with its params more or less than the tensors hold."""
    weights = sum(
        tensor.numel() for key, tensor in renamed.items() if ".running_" not in key and tensor.dim()
    )
    head = renamed.get("classifier.weight")
    if head is not None and head.dim() > 1:  # as if for 1000 classes
        weights += (1000 - len(head)) * (head.shape[1] + 1)
    names = {name for pattern in family.networks for name in list_models(pattern)}
    rows = [spec(name) for name in names]
    found = [(abs(row.params - weights), row) for row in rows if isinstance(row.input, ImageInput)]
    return sorted(found, key=lambda pair: (pair[0], pair[1].name))[:NEAREST]


def _one_of(file: Path, library: str, fits: Sequence[Converted]) -> Converted:
    """The network that needs the fewest options; MartletError when a row's options differ."""
    for found in fits:
        forms = [other.options for other in fits if other.name == found.name]
        if any(form != found.options for form in forms):
            told = " and ".join(_in_words(form) for form in forms)
            raise MartletError(
                f"{file} has the tensors of two networks of {library}, both {found.name} here: "
                f"{told}; say which to `martlet convert` with --from {library} and --model, by "
                f"{library}'s name."
            )
    return min(fits, key=lambda found: len(found.options))


def _in_words(options: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in options.items()) or "as it is"


def _as_timm(state: State, name: str | None) -> list[str]:
    """A sentence when timm has a network of the same tensors, which sees pictures otherwise."""
    try:
        same = any(True for _ in _fits(state, "timm", name))
    except MartletError:
        same = False
    told = "timm has the same tensors: `martlet convert --from timm` prepares pictures as it does"
    return [told] * same


def _named(state: State, library: str) -> int:
    """How many tensors have names that the library knows."""
    return max(len(rename(state, family)[0]) for family in file_of(library).FAMILIES)


def _unknown(file: Path, state: State, source: str, of: str) -> MartletError:
    """The sentence for tensors of no network, with the library `source`, whose names are closest.

    `of` says whose networks they may have been.
    """
    few = ", ".join(map(quoted, list(state)[:2]))
    return MartletError(
        f"{file} holds {len(state)} tensors (such as {few}) that are none of {of}; "
        f"{_named(state, source)} have names as {source} gives them. `martlet convert` "
        "with --from and --model says what does not fit; docs/weights.md lists what is converted."
    )
