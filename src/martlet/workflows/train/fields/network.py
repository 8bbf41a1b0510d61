"""Options of `train` that say which network, and what it starts from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from martlet.arguments import option


@dataclass(frozen=True, kw_only=True)
class NetworkFields:
    """Network, its form, and first weights."""

    model: str = option(
        None, "Network; see `martlet list` (default: the weights', else shufflenet_v2_x1_0)."
    )
    attention: str = option(None, "se or cbam on each block of the network.")
    model_options: Mapping[str, Any] = option(
        None, "Options of the network, as of create_model; NAME=VALUE, repeated, as a flag."
    )
    small_input: bool = option(
        None,
        "Pictures, scenes: the form for small pictures (default: up to 64 pixels).",
        only=("pictures", "scenes"),
    )
    weights: Path | None = option(
        None, "Start from this run, model.safetensors, or another library's .pth."
    )
    pretrained: bool | str | Path = option(
        False,
        "Start from published weights: alone torchvision's of the network, else a name, as "
        "timm/resnet18.a1_in1k; or from a file or run, as weights.",
    )
