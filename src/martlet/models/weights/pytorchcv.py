"""pytorchcv (imgclsmob): how it calls the modules of our networks."""

from dataclasses import replace
from typing import Any

from martlet.models.spec import Spec
from martlet.models.weights.renaming import Family, State

UNITS = r"features\.stage(\d+)\.unit(\d+)"


def preprocess(_: Spec) -> dict[str, Any]:
    """A Preprocess has its values already."""
    return {}


def _widths(theirs: str, ours: str) -> tuple[tuple[str, str], ...]:
    """Its names for the widths."""
    widths = {"wd4": "x0_25", "wd2": "x0_5", "w3d4": "x0_75", "w1": "x1_0", "w3d2": "x1_5"}
    return tuple((f"{theirs}_{w}", f"{ours}_{x}") for w, x in (widths | {"w2": "x2_0"}).items())


def _channels(option: str, layer: str, state: State) -> dict[str, Any]:
    """The channels of a convolution that is scaled at more widths than ours.

    Its last is int(1024 · width) above width 1, too, its first a quarter of 24 at width 0.25.
    """
    weight = state.get(f"{layer}.conv.weight")
    return {} if weight is None else {option: len(weight)}


SHUFFLENET_V1 = Family(
    networks=("shufflenet_v1_g*",),
    names=_widths(r"shufflenet_g(\d)", r"shufflenet_v1_g\1"),
    units=UNITS,
    place=lambda _, stage, unit: f"stage{stage + 1}.{unit - 1}",
    rules=(
        (r"features\.init_block\.(conv|bn)", r"conv1.\1"),
        (r"(stage\d\.\d+\.compress)_(conv|bn)1", r"\1.\2"),
        (r"(stage\d\.\d+)\.dw_(conv|bn)2", r"\1.depthwise.\2"),
        (r"(stage\d\.\d+\.expand)_(conv|bn)3", r"\1.\2"),
        (r"output", r"classifier"),
    ),
    options=lambda name, state: {"pool_first": False} | _channels("stem", "conv1", state),
)

SHUFFLENET_V2 = Family(
    networks=("shufflenet_v2_x*",),
    names=_widths("shufflenetv2", "shufflenet_v2"),
    units=UNITS,
    place=SHUFFLENET_V1.place,
    rules=(
        (r"features\.init_block\.conv\.(conv|bn)", r"conv1.\1"),
        (r"(stage\d\.\d+)\.compress_(conv|bn)1", r"\1.main.0.\2"),
        (r"(stage\d\.\d+)\.dw_(conv|bn)2", r"\1.main.1.\2"),
        (r"(stage\d\.\d+)\.expand_(conv|bn)3", r"\1.main.2.\2"),
        (r"(stage\d\.\d+)\.dw_(conv|bn)4", r"\1.shortcut.0.\2"),
        (r"(stage\d\.\d+)\.expand_(conv|bn)5", r"\1.shortcut.1.\2"),
        (r"features\.final_block\.(conv|bn)", r"conv5.\1"),
        (r"output", r"classifier"),
    ),
    options=lambda name, state: {"ceil_pool": True} | _channels("conv5", "conv5", state),
)

SHUFFLENET_V2B = replace(
    SHUFFLENET_V2,
    networks=("shufflenet_v2_authors_*",),
    names=_widths("shufflenetv2b", "shufflenet_v2_authors"),
    rules=(
        SHUFFLENET_V2.rules[0],
        (r"(stage\d\.\d+)\.conv1\.(conv|bn)", r"\1.main.0.\2"),
        (r"(stage\d\.\d+)\.dconv\.(conv|bn)", r"\1.main.1.\2"),
        (r"(stage\d\.\d+)\.conv2\.(conv|bn)", r"\1.main.2.\2"),
        (r"(stage\d\.\d+)\.shortcut_dconv\.(conv|bn)", r"\1.shortcut.0.\2"),
        (r"(stage\d\.\d+)\.shortcut_conv\.(conv|bn)", r"\1.shortcut.1.\2"),
        *SHUFFLENET_V2.rules[-2:],
    ),
    options=lambda name, state: {"shuffle": "after"} | _channels("conv5", "conv5", state),
)

MOBILENET_V1 = Family(
    networks=("mobilenet_v1_*",),
    names=_widths("mobilenet", "mobilenet_v1"),
    units=UNITS,
    rules=(
        (r"features\.init_block\.(conv|bn)", r"stem.\1"),
        (r"(blocks\.\d+)\.dw_conv\.(conv|bn)", r"\1.depthwise.\2"),
        (r"(blocks\.\d+)\.pw_conv\.(conv|bn)", r"\1.pointwise.\2"),
        (r"output", r"classifier"),
    ),
)

MOBILENET_V2 = Family(  # its mobilenetv2b; its mobilenetv2 expands in the first block, too
    networks=("mobilenet_v2_*",),
    names=((r"mobilenetv2b_w1", r"mobilenet_v2_x1_0"),),
    units=UNITS,
    rules=(
        (r"features\.init_block\.(conv|bn)", r"stem.\1"),
        (r"blocks\.0\.conv2\.(conv|bn)", r"blocks.0.layers.0.\1"),
        (r"blocks\.0\.conv3\.(conv|bn)", r"blocks.0.layers.1.\1"),
        (r"(blocks\.\d+)\.conv1\.(conv|bn)", r"\1.layers.0.\2"),
        (r"(blocks\.\d+)\.conv2\.(conv|bn)", r"\1.layers.1.\2"),
        (r"(blocks\.\d+)\.conv3\.(conv|bn)", r"\1.layers.2.\2"),
        (r"features\.final_block\.(conv|bn)", r"last.\1"),
        (r"output", r"classifier"),
    ),
    zeros=("classifier.bias",),
)

MOBILENET_V3 = Family(
    networks=("mobilenet_v3_*",),
    names=(
        (r"mobilenetv3_large_w1", r"mobilenet_v3_large_x1_0"),
        (r"mobilenetv3_small_w1", r"mobilenet_v3_small_1280"),
    ),
    units=UNITS,
    rules=(
        (r"features\.init_block\.(conv|bn)", r"stem.\1"),
        (r"(blocks\.\d+)\.exp_conv\.(conv|bn)", r"\1.expand.\2"),
        (r"(blocks\.\d+)\.conv1\.(conv|bn)", r"\1.depthwise.\2"),
        (r"(blocks\.\d+)\.se\.conv([12])", r"\1.attention.fc\2"),
        (r"(blocks\.\d+)\.conv2\.(conv|bn)", r"\1.project.\2"),
        (r"features\.final_block\.conv\.(conv|bn)", r"last.\1"),
        (r"output\.conv1", r"hidden"),
        (r"output\.conv2", r"classifier"),
    ),
    options=lambda name, state: {"bn_eps": 1e-5},
    zeros=("hidden.bias",),
)

RESNEXT = Family(
    networks=("resnext*", "se_resnext*", "cbam_resne*"),
    names=((r"se(resnext.*)", r"se_\1"),),
    units=UNITS,
    place=lambda _, stage, unit: f"layer{stage}.{unit - 1}",
    rules=(
        (r"features\.init_block\.conv\.(conv|bn)", r"conv1.\1"),
        (r"features\.init_block\.(conv|bn)", r"conv1.\1"),  # of the CIFAR networks
        (r"(layer\d\.\d+)\.body\.(conv\d)\.(conv|bn)", r"\1.\2.\3"),
        (r"(layer\d\.\d+)\.identity_conv\.(conv|bn)", r"\1.shortcut.\2"),
        (r"(layer\d\.\d+)\.se\.conv([12])", r"\1.attention.fc\2"),
        (r"(layer\d\.\d+)\.cbam\.ch_gate\.mlp\.(fc[12])", r"\1.attention.channel.\2"),
        (r"(layer\d\.\d+)\.cbam\.sp_gate\.conv\.(conv|bn)", r"\1.attention.spatial.conv.\2"),
        (r"output", r"classifier"),
    ),
    options=lambda name, state: {"stride_first": False},
)

RESNET = replace(
    RESNEXT,
    networks=("resnet*", "se_resnet*"),
    names=((r"se(resnet\d+)(?:_cifar10)?", r"se_\1"),),
    options=lambda name, state: {"stride_first": "layer1.0.conv3.conv.weight" in state},
)

RESNET_B = replace(  # the same tensors, another place of the stride
    RESNEXT,
    networks=RESNET.networks,
    names=((r"(resnet\d+)b", r"\1"), (r"se(resnet\d+)b", r"se_\1")),
)

SENET154 = replace(
    RESNEXT,
    networks=("senet154",),
    rules=(
        (r"features\.init_block\.conv1\.(conv|bn)", r"conv1.0.\1"),
        (r"features\.init_block\.conv2\.(conv|bn)", r"conv1.1.\1"),
        (r"features\.init_block\.conv3\.(conv|bn)", r"conv1.2.\1"),
        *RESNEXT.rules[2:-1],
        (r"output\.fc", r"classifier"),
    ),
)

FAMILIES = (
    SHUFFLENET_V1,
    SHUFFLENET_V2,
    SHUFFLENET_V2B,
    MOBILENET_V1,
    MOBILENET_V2,
    MOBILENET_V3,
    RESNET,  # before RESNET_B: our names mean the first
    RESNET_B,
    RESNEXT,
    SENET154,
)
