"""How `predict` finds the pictures and the network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from martlet.data import kinds
from martlet.errors import MartletError
from martlet.workflows.open_network import open_network


def answers(
    run: Path, sources: Sequence[Any], top: int, device: str, options: Mapping[str, Any]
) -> list[Any]:
    """The answers of `predict`, as the network's kind of data has them."""
    network = open_network(run, device)
    if network.preprocess.kind == "cube":
        from martlet.workflows.predict_scene import predict_scenes

        return list(predict_scenes(network, sources, **options))
    odd = [name for name, value in options.items() if value not in (None, False)]
    if odd:
        raise MartletError(f"{odd[0]}={options[odd[0]]} is for scenes; leave it out for pictures.")
    return network.predict(kinds.find(network.preprocess.kind).find(sources), top=top)
