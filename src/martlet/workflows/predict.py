"""How `predict` finds the pictures and the network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from martlet.data import kinds
from martlet.inference import Prediction
from martlet.workflows.open_network import open_network


def predict_pictures(run: Path, pictures: Sequence[Any], top: int, device: str) -> list[Prediction]:
    """The answers of `predict`."""
    network = open_network(run, device)
    return network.predict(kinds.find(network.preprocess.kind).find(pictures), top=top)
