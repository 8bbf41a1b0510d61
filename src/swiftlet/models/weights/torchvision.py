"""torchvision's checkpoints of ShuffleNetV2 and MobileNetV2, with our names for their tensors."""

from collections.abc import Mapping
from urllib.error import URLError

import torch
from torch import Tensor

from swiftlet.errors import SwiftletError
from swiftlet.models import create_model, list_models, spec
from swiftlet.models.classifier import Classifier
from swiftlet.models.spec import Spec

SHUFFLE_UNIT = {  # module in torchvision's unit: module in ours
    "branch1.0": "shortcut.0.conv",
    "branch1.1": "shortcut.0.bn",
    "branch1.2": "shortcut.1.conv",
    "branch1.3": "shortcut.1.bn",
    "branch2.0": "main.0.conv",
    "branch2.1": "main.0.bn",
    "branch2.3": "main.1.conv",
    "branch2.4": "main.1.bn",
    "branch2.5": "main.2.conv",
    "branch2.6": "main.2.bn",
}


def from_torchvision(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Rename the tensors of torchvision's `state_dict` for our network `name`.

    The classifier may have any number of classes, the first convolution any number of channels.
    Raises SwiftletError when there is no such mapping, or when tensors are missing, left over, or
    of another shape than the network's.
    """
    row = spec(name)
    names = _module_names(row.name)
    renamed: dict[str, Tensor] = {}
    unexpected = []
    for key, tensor in state.items():
        module, _, kind = key.rpartition(".")
        if module in names:
            renamed[f"{names[module]}.{kind}"] = tensor
        else:
            unexpected.append(key)
    expected = _expected_shapes(row.name, renamed)
    unexpected += sorted(renamed.keys() - expected.keys())
    missing = sorted(expected.keys() - renamed.keys())
    other = [
        f"{key} is {tuple(renamed[key].shape)} instead of {shape}"
        for key, shape in expected.items()
        if key in renamed and tuple(renamed[key].shape) != shape
    ]
    for problem, keys in (("lack", missing), ("have unknown", unexpected), ("do not fit:", other)):
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise SwiftletError(
                f"the weights are not those of torchvision's {row.name}: they {problem} "
                f"{keys[0]}{more}."
            )
    return renamed


def load_pretrained(network: Classifier, row: Spec, in_chans: int) -> None:
    """Load the ImageNet weights of `row` into `network`, downloaded once by torchvision.

    A classifier for other than 1000 classes keeps its fresh weights. Raises SwiftletError when no
    weights are known, when the picture is not RGB, or when the download fails.
    """
    if row.weights is None:
        known = ", ".join(name for name in list_models() if spec(name).weights is not None)
        raise SwiftletError(
            f"pretrained=True: {row.name} has no known weights; use one of {known}."
        )
    if in_chans != 3:
        raise SwiftletError(f"in_chans={in_chans} does not fit pretrained=True, which needs 3.")
    from torchvision.models import get_weight

    try:
        state = get_weight(row.weights.name).get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise SwiftletError(f"pretrained=True: the download failed ({reason}).") from error
    renamed = from_torchvision(state, row.name)
    fresh = network.state_dict()
    if network.num_classes != 1000:
        renamed = {key: tensor for key, tensor in renamed.items() if "classifier" not in key}
    network.load_state_dict(fresh | renamed)


def _expected_shapes(name: str, renamed: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes of our network's tensors, with as many classes and channels as the weights have."""
    classifier = renamed.get("classifier.weight", torch.empty(1000, 0))
    first = renamed.get("conv1.conv.weight", renamed.get("stem.conv.weight", torch.empty(0, 3)))
    with torch.device("meta"):
        network = create_model(name, num_classes=len(classifier), in_chans=first.shape[1])
    return {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}


def _module_names(name: str) -> dict[str, str]:
    """Names of torchvision's modules with parameters, and ours for them."""
    if name.startswith("shufflenet_v2"):
        return _shufflenet_v2()
    if name.startswith("mobilenet_v2"):
        return _mobilenet_v2()
    raise SwiftletError(
        f"torchvision has no network {name!r}; accepted: mobilenet_v2_*, shufflenet_v2_*."
    )


def _shufflenet_v2() -> dict[str, str]:
    names = {"fc": "classifier"}
    for layer in ("conv1", "conv5"):
        names |= {f"{layer}.0": f"{layer}.conv", f"{layer}.1": f"{layer}.bn"}
    for stage, units in (("stage2", 4), ("stage3", 8), ("stage4", 4)):
        for unit in range(units):
            prefix = f"{stage}.{unit}."
            names |= {prefix + theirs: prefix + ours for theirs, ours in SHUFFLE_UNIT.items()}
    return names


def _mobilenet_v2() -> dict[str, str]:
    names = {"classifier.1": "classifier"}
    for theirs, ours in (("features.0", "stem"), ("features.18", "last")):
        names |= {f"{theirs}.0": f"{ours}.conv", f"{theirs}.1": f"{ours}.bn"}
    for block in range(17):
        theirs, ours = f"features.{block + 1}.conv", f"blocks.{block}.layers"
        last = 1 if block == 0 else 2  # the first block has no expansion
        for layer in range(last):
            names[f"{theirs}.{layer}.0"] = f"{ours}.{layer}.conv"
            names[f"{theirs}.{layer}.1"] = f"{ours}.{layer}.bn"
        names[f"{theirs}.{last}"] = f"{ours}.{last}.conv"
        names[f"{theirs}.{last + 1}"] = f"{ours}.{last}.bn"
    return names
