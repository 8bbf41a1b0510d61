"""Runs beside a run that differ from it in their split and seed alone."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.training.recipe import Recipe
from martlet.training.run_files import MODEL


def siblings(folder: Path, header: Header) -> list[Mapping[str, Any]]:
    """Metrics of the finished runs beside `folder`, itself among them, disjoint ones first.

    They have the same data, share of it to train on, network and recipe. Of several with one seed
    and protocol the run itself counts, or the first by name. Nothing for data without a protocol.
    """
    if "protocol" not in header.metrics:
        return []
    own = folder.resolve()
    found = {_which(header): header.metrics}
    for path in sorted(own.parent.glob(f"*/{MODEL}")):
        if path.parent == own:
            continue
        try:
            other = checkpoint.load_header(path)
            if _alike(header, other):
                found.setdefault(_which(other), other.metrics)
        except (MartletError, AttributeError, KeyError, TypeError):
            continue  # damaged, or of another kind: its own verbs say so
    return [found[which] for which in sorted(found)]


def _which(header: Header) -> tuple[str, int]:
    return header.metrics["protocol"]["name"], header.recipe.seed


def _alike(one: Header, other: Header) -> bool:
    if other.trained is None or "protocol" not in other.metrics:
        return False
    mine, theirs = (header.metrics["protocol"] for header in (one, other))
    shares = {mine["train_share"], theirs["train_share"]} - {None}  # None: of a given split
    return (
        mine["data"] == theirs["data"]
        and len(shares) < 2
        and one.network == other.network
        and _without_seed(one) == _without_seed(other)
        and _settings(one) == _settings(other)
        and "per_class" in other.metrics
    )


def _without_seed(header: Header) -> Recipe:
    return replace(header.recipe, seed=0, compile="off")


def _settings(header: Header) -> dict[str, Any]:
    """Of the preprocessing, without what was fitted on the training part."""
    kept = {"window", "components", "fitted_on"}
    return {name: value for name, value in header.preprocess.to_dict().items() if name in kept}
