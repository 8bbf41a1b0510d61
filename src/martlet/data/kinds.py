"""The kinds of data. To add one, write a folder beside pictures/ and name its Kind in KINDS."""

from collections.abc import Mapping
from typing import Any

from martlet.data.boxes.kind import BOXES
from martlet.data.kind import AnyPreprocess, Kind
from martlet.data.pictures.kind import PICTURES
from martlet.data.scenes.kind import SCENES
from martlet.data.series.kind import SERIES
from martlet.errors import MartletError, unknown

KINDS: dict[str, Kind] = {kind.name: kind for kind in (PICTURES, SCENES, SERIES, BOXES)}


def find(name: str) -> Kind:
    """The kind of this name; raises MartletError with the closest ones when there is none."""
    if name not in KINDS:
        raise unknown("kind of data", name, list(KINDS))
    return KINDS[name]


def preprocess_from(values: Any) -> AnyPreprocess:
    """The Preprocess that its `to_dict` described; without a kind it is for pictures."""
    if not isinstance(values, Mapping):
        raise MartletError(f"preprocess={values!r} is not a table of settings.")
    return find(str(values.get("kind", PICTURES.name))).preprocess(values)
