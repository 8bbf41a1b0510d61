"""torchvision: how it calls the modules of our networks, and its weights for `pretrained=True`."""

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from martlet.errors import MartletError
from martlet.models.classifier import Classifier
from martlet.models.spec import ImageInput, Spec
from martlet.models.table import list_models, spec
from martlet.models.weights.renaming import Family, conv_bn, convert, first_convolution, misfits

SHUFFLENET_V2 = Family(
    networks=("shufflenet_v2_x*",),
    rules=(
        *conv_bn(r"(conv1|conv5)\.", "0", "1", r"\1"),
        *conv_bn(r"(stage\d\.\d+)\.branch1\.", "0", "1", r"\1.shortcut.0"),
        *conv_bn(r"(stage\d\.\d+)\.branch1\.", "2", "3", r"\1.shortcut.1"),
        *conv_bn(r"(stage\d\.\d+)\.branch2\.", "0", "1", r"\1.main.0"),
        *conv_bn(r"(stage\d\.\d+)\.branch2\.", "3", "4", r"\1.main.1"),
        *conv_bn(r"(stage\d\.\d+)\.branch2\.", "5", "6", r"\1.main.2"),
        (r"fc", r"classifier"),
    ),
)

MOBILENET_V2 = Family(
    networks=("mobilenet_v2_*",),
    units=r"features\.(\d+)(?=\.conv)",
    rules=(
        *conv_bn(r"features\.0\.", "0", "1", "stem"),
        *conv_bn(r"blocks\.0\.conv\.", "1", "2", "blocks.0.layers.1"),  # it has no expansion
        *conv_bn(r"(blocks\.\d+)\.conv\.([01])\.", "0", "1", r"\1.layers.\2"),
        *conv_bn(r"(blocks\.\d+)\.conv\.", "2", "3", r"\1.layers.2"),
        *conv_bn(r"features\.18\.", "0", "1", "last"),
        (r"classifier\.1", r"classifier"),
    ),
)

MOBILENET_V3 = Family(
    networks=("mobilenet_v3_*",),
    units=r"features\.(\d+)(?=\.block)",
    rules=(
        *conv_bn(r"features\.0\.", "0", "1", "stem"),
        (r"(blocks\.\d+)\.block\.\d\.(fc[12])", r"\1.attention.\2"),
        *conv_bn(r"blocks\.0\.block\.0\.", "0", "1", "blocks.0.depthwise"),  # without expansion
        *conv_bn(r"blocks\.0\.block\.1\.", "0", "1", "blocks.0.project"),
        *conv_bn(r"(blocks\.\d+)\.block\.0\.", "0", "1", r"\1.expand"),
        *conv_bn(r"(blocks\.\d+)\.block\.1\.", "0", "1", r"\1.depthwise"),
        *conv_bn(r"(blocks\.\d+)\.block\.[23]\.", "0", "1", r"\1.project"),  # 3: behind SE
        *conv_bn(r"features\.1[26]\.", "0", "1", "last"),
        (r"classifier\.0", r"hidden"),
        (r"classifier\.3", r"classifier"),
    ),
    options=lambda name, _: {} if name.endswith("_x1_0") else {"scaling": "torchvision"},
)

RESNET = Family(
    networks=("resnet*", "resnext*"),
    rules=(
        *conv_bn("", "conv1", "bn1", "conv1"),
        *conv_bn(r"(layer\d\.\d+)\.", r"conv(\d)", r"bn(\d)", r"\1.conv\2"),
        *conv_bn(r"(layer\d\.\d+)\.downsample\.", "0", "1", r"\1.shortcut"),
        (r"fc", r"classifier"),
    ),
)

# Options that weights can start from: the filters stay, and training goes on from there. With any
# other they would load as well, and silently make another function.
KEEP = ("small_input", "attention", "dilated")

FAMILIES = (SHUFFLENET_V2, MOBILENET_V2, MOBILENET_V3, RESNET)


def preprocess(row: Spec) -> dict[str, Any]:
    """A Preprocess has torchvision's values; only how much is cropped depends on the weights."""
    if row.weights is None or not isinstance(row.input, ImageInput):
        return {}
    return {"crop_pct": row.input.height / row.weights.resize}


def from_torchvision(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors of torchvision's `state_dict` for our network `name`.

    `convert` also tells the options that some widths need, and all that it raises holds here.
    """
    return convert(state, "torchvision", name).state


def load_pretrained(
    network: Classifier, row: Spec, in_chans: int, options: Mapping[str, Any]
) -> None:
    """Load the ImageNet weights of `row` into `network`, downloaded once by torchvision.

    A classifier for other than 1000 classes keeps its fresh weights. For one channel, the first
    convolution gets the sum of its weights for red, green and blue; for any other number they are
    repeated and scaled by 3 / channels, as in timm. Raises MartletError when no weights are known,
    when they do not fit the network's `options`, or when the download fails.
    """
    if row.weights is None:
        known = ", ".join(name for name in list_models() if spec(name).weights is not None)
        raise MartletError(f"pretrained=True: {row.name} has no known weights; use one of {known}.")
    for option, value in options.items():
        if option not in KEEP:
            raise MartletError(
                f"pretrained=True does not fit {option}={value!r}; the weights were trained "
                f"without it, and {row.name} would be another function. Leave one of them out."
            )
    state = from_torchvision(_download(row.weights.name), row.name)
    first = f"{first_convolution(network)[0]}.weight"
    state[first] = to_channels(state[first], in_chans)
    fresh = network.state_dict()
    if network.num_classes != 1000:
        state = {key: tensor for key, tensor in state.items() if not _in_classifier(key)}
        state |= {key: tensor for key, tensor in fresh.items() if _in_classifier(key)}
    added = {key: tensor for key, tensor in fresh.items() if "attention." in key}
    state = added | state
    if problems := misfits(state, fresh):
        raise MartletError(
            f"pretrained=True: the weights do not fit {row.name} with these options: {problems}."
        )
    network.load_state_dict(state)


def to_channels(weight: Tensor, channels: int) -> Tensor:
    """The weights (out, in, h, w) of a first convolution for a picture of `channels` channels.

    A picture of equal channels gets the answer that one of equal channels got before, where their
    numbers are multiples of each other: gray as that RGB, RGB of three equal channels as that gray.
    """
    given = weight.shape[1]
    if channels == given:
        return weight
    if channels == 1:
        return weight.sum(dim=1, keepdim=True)
    repeated = weight.repeat(1, -(-channels // given), 1, 1)[:, :channels]
    return repeated * (given / channels)


def _download(name: str) -> Mapping[str, Tensor]:
    """The tensors of torchvision's weights `name`, from its cache or its server."""
    from torchvision.models import get_weight

    weights = get_weight(name)
    kept = Path(torch.hub.get_dir(), "checkpoints", Path(weights.url).name)
    try:
        with redirect_stdout(sys.stderr):  # standard output is for answers
            return weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:  # URLError is an OSError
        if kept.exists():
            raise MartletError(
                f"pretrained=True: {kept} is damaged; delete it, so that it is downloaded again."
            ) from error
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise MartletError(
            f"pretrained=True: {weights.url} could not be downloaded ({reason}); where there is a "
            f"network, download it and put it to {kept}."
        ) from error


def _in_classifier(key: str) -> bool:
    return key.startswith("classifier.")
