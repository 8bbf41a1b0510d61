"""How `predict` finds the pictures and the network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from martlet.data import kinds
from martlet.errors import MartletError
from martlet.workflows.open_network import open_network

OPTIONS = {  # of each kind of data, besides `top`
    "cube": ("output", "array", "bands_axis", "quiet"),
    "series": ("output", "smooth", "quiet"),
}


def answers(
    run: Path, sources: Sequence[Any], top: int, device: str, options: Mapping[str, Any]
) -> list[Any]:
    """The answers of `predict`, as the network's kind of data has them."""
    network = open_network(run, device)
    kind = kinds.find(network.preprocess.kind)
    accepted = OPTIONS.get(kind.name, ())
    for name, value in options.items():
        if value not in (None, False) and name not in accepted:
            of = " and ".join(kinds.find(k).noun for k, own in OPTIONS.items() if name in own)
            raise MartletError(f"{name}={value} is for {of}; leave it out for {kind.noun}.")
    own: dict[str, Any] = {name: options.get(name) for name in accepted}
    if kind.name == "cube":
        from martlet.workflows.predict_scene import predict_scenes

        return list(predict_scenes(network, sources, **own))
    if kind.name == "series":
        from martlet.workflows.predict_series import predict_recordings

        return list(predict_recordings(network, sources, **own))
    return network.predict(kind.find(sources), top=top)
