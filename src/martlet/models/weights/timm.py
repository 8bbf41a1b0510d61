"""timm (pytorch-image-models): how it calls the modules of our networks.

Weights whose names start with tf_ need another padding and are not among them. timm prepares
pictures per set of weights; most are resized bicubically and normalised as ImageNet is, others
(the "ra4" ones) have mean and deviation 0.5.
"""

from dataclasses import replace
from typing import Any

from martlet.models.spec import Spec
from martlet.models.weights import torchvision
from martlet.models.weights.renaming import Family, conv_bn


def preprocess(_: Spec) -> dict[str, Any]:
    """What holds for most of its weights."""
    return {"interpolation": "bicubic"}


MOBILENET_V1 = Family(
    networks=("mobilenet_v1_*",),
    units=r"blocks\.(\d+)\.(\d+)",
    rules=(
        *conv_bn("", "conv_stem", "bn1", "stem"),
        *conv_bn(r"(blocks\.\d+)\.", "conv_dw", "bn1", r"\1.depthwise"),
        *conv_bn(r"(blocks\.\d+)\.", "conv_pw", "bn2", r"\1.pointwise"),
        (r"classifier", r"classifier"),
    ),
    options=lambda name, state: {"act": "relu6"},
)

MOBILENET_V2 = Family(
    networks=("mobilenet_v2_*",),
    units=r"blocks\.(\d+)\.(\d+)",
    rules=(
        *conv_bn("", "conv_stem", "bn1", "stem"),
        # the first block has no expansion
        *conv_bn(r"blocks\.0\.", "conv_dw", "bn1", "blocks.0.layers.0"),
        *conv_bn(r"blocks\.0\.", "conv_pw", "bn2", "blocks.0.layers.1"),
        *conv_bn(r"(blocks\.\d+)\.", "conv_pw", "bn1", r"\1.layers.0"),
        *conv_bn(r"(blocks\.\d+)\.", "conv_dw", "bn2", r"\1.layers.1"),
        *conv_bn(r"(blocks\.\d+)\.", "conv_pwl", "bn3", r"\1.layers.2"),
        *conv_bn("", "conv_head", "bn2", "last"),
        (r"classifier", r"classifier"),
    ),
)

MOBILENET_V3_LARGE = Family(
    networks=("mobilenet_v3_large_*",),
    units=r"blocks\.([0-5])\.(\d+)",
    rules=(
        *conv_bn("", "conv_stem", "bn1", "stem"),
        (r"(blocks\.\d+)\.se\.conv_reduce", r"\1.attention.fc1"),
        (r"(blocks\.\d+)\.se\.conv_expand", r"\1.attention.fc2"),
        # the first block has no expansion
        *conv_bn(r"blocks\.0\.", "conv_dw", "bn1", "blocks.0.depthwise"),
        *conv_bn(r"blocks\.0\.", "conv_pw", "bn2", "blocks.0.project"),
        *conv_bn(r"(blocks\.\d+)\.", "conv_pw", "bn1", r"\1.expand"),
        *conv_bn(r"(blocks\.\d+)\.", "conv_dw", "bn2", r"\1.depthwise"),
        *conv_bn(r"(blocks\.\d+)\.", "conv_pwl", "bn3", r"\1.project"),
        *conv_bn(r"blocks\.[56]\.0\.", "conv", "bn1", "last"),
        (r"conv_head", r"hidden"),
        (r"classifier", r"classifier"),
    ),
    options=lambda name, state: {"bn_eps": 1e-5},
)

MOBILENET_V3_SMALL = replace(
    MOBILENET_V3_LARGE, networks=("mobilenet_v3_small_*",), units=r"blocks\.([0-4])\.(\d+)"
)

RESNET = replace(
    torchvision.RESNET,
    networks=("resnet*", "resnext*", "se_resnet*", "se_resnext*"),
    names=((r"se(resnet\d+|resnext\d+_\d+x\d+d)", r"se_\1"),),
    rules=(*torchvision.RESNET.rules, (r"(.*)\.se\.(fc[12])", r"\1.attention.\2")),
    options=lambda name, state: {"stride_first": False},
)

_LEGACY_BLOCK = (
    *RESNET.rules[2:6],
    (r"(.*)\.se_module\.(fc[12])", r"\1.attention.\2"),
    (r"last_linear", r"classifier"),
)

LEGACY_SE_RESNEXT = Family(  # from Caffe
    networks=("se_resnext*",),
    names=((r"legacy_se(resnext.*)", r"se_\1"),),
    marker="layer0.conv1.weight",
    rules=(*conv_bn(r"layer0\.", "conv1", "bn1", "conv1"), *_LEGACY_BLOCK),
    options=lambda name, state: {"ceil_pool": True, "stride_first": False},
)

LEGACY_SE_RESNET = replace(  # its basic blocks have one ReLU more, which ours have not
    LEGACY_SE_RESNEXT,
    networks=("se_resnet50", "se_resnet101", "se_resnet152"),
    names=((r"legacy_se(resnet(50|101|152))", r"se_\1"),),
    options=lambda name, state: {"ceil_pool": True, "stride_first": True},
)

LEGACY_SENET154 = replace(
    LEGACY_SE_RESNEXT,
    networks=("senet154",),
    names=((r"legacy_(senet154)", r"\1"),),
    rules=(
        *conv_bn(r"layer0\.", "conv1", "bn1", "conv1.0"),
        *conv_bn(r"layer0\.", "conv2", "bn2", "conv1.1"),
        *conv_bn(r"layer0\.", "conv3", "bn3", "conv1.2"),
        *_LEGACY_BLOCK,
    ),
)

FAMILIES = (
    MOBILENET_V1,
    MOBILENET_V2,
    MOBILENET_V3_LARGE,
    MOBILENET_V3_SMALL,
    LEGACY_SE_RESNEXT,
    LEGACY_SE_RESNET,
    LEGACY_SENET154,
    RESNET,
)
