"""Small networks that classify no pictures: maps, boxes' necks, pictures, sounds, tokens.

Those of torchvision and of segmentation_models_pytorch are theirs; the rest is written down here
after its source, as plain modules, because no library has it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

Shape = tuple[int, ...]


class Logits(nn.Module):
    """What torchvision's networks of maps answer under "out"."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, classes, H, W)."""
        found: Tensor = self.net(x)["out"]
        return found


def of_maps(name: str) -> nn.Module:
    """A network of torchvision that answers for each place."""
    from torchvision.models import get_model

    return Logits(get_model(name, weights=None, weights_backbone=None, num_classes=21))


def of_smp(kind: str, backbone: str) -> nn.Module:
    """A network of segmentation_models_pytorch."""
    import segmentation_models_pytorch as smp

    made: nn.Module = getattr(smp, kind)(backbone, encoder_weights=None, classes=21)
    return made


def unet() -> nn.Module:
    """U-Net (arXiv 1505.04597), a sixteenth as wide, with padding and norms as it is built now."""

    class UNet(nn.Module):
        def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128)) -> None:
            super().__init__()
            self.down = nn.ModuleList(_twice(a, b) for a, b in pairwise((3, *widths)))
            steps = list(pairwise(widths[::-1]))
            self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in steps)
            self.join = nn.ModuleList(_twice(2 * b, b) for _, b in steps)
            self.head = nn.Conv2d(widths[0], 21, 1)

        def forward(self, x: Tensor) -> Tensor:
            kept = list[Tensor]()
            for number, block in enumerate(self.down):
                x = block(x if not number else nn.functional.max_pool2d(x, 2))
                kept.append(x)
            for up, join, beside in zip(self.up, self.join, kept[-2::-1], strict=True):
                x = join(torch.cat((beside, up(x)), 1))
            out: Tensor = self.head(x)
            return out

    return UNet()


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    widths = (inputs, outputs, outputs)
    return nn.Sequential(
        *(
            nn.Sequential(nn.Conv2d(a, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in pairwise(widths)
        )
    )


def espcn(scale: int = 3) -> nn.Module:
    """ESPCN (arXiv 1609.05158, section 3): three convolutions, then pixels out of channels."""
    return nn.Sequential(
        nn.Conv2d(1, 64, 5, 1, 2), nn.Tanh(), nn.Conv2d(64, 32, 3, 1, 1), nn.Tanh(),
        nn.Conv2d(32, scale**2, 3, 1, 1), nn.PixelShuffle(scale),
    )  # fmt: skip


def auto_encoder() -> nn.Module:
    """MLPerf Tiny's for sounds of machines: nine dense layers of 128 around one of 8."""
    hidden = pairwise((640, 128, 128, 128, 128, 8, 128, 128, 128, 128))
    layers = [nn.Sequential(nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU()) for a, b in hidden]
    return nn.Sequential(*layers, nn.Linear(128, 640))


def pictures_auto_encoder() -> nn.Module:
    """Down by convolutions of stride 2, up by transposed ones."""
    down = pairwise((3, 16, 32, 64))
    up = pairwise((64, 32, 16))
    return nn.Sequential(
        *(nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.ReLU()) for a, b in down),
        *(nn.Sequential(nn.ConvTranspose2d(a, b, 4, 2, 1), nn.ReLU()) for a, b in up),
        nn.ConvTranspose2d(16, 3, 4, 2, 1), nn.Sigmoid(),
    )  # fmt: skip


def keyword_spotting() -> nn.Module:
    """DS-CNN (arXiv 1711.07128) as MLPerf Tiny has it: 49 frames of 10 features, 12 words."""

    def unit(inputs: int, outputs: int, kernel: Shape, stride: Shape, groups: int) -> nn.Module:
        pad = tuple(side // 2 for side in kernel)
        conv = nn.Conv2d(inputs, outputs, kernel, stride, pad, groups=groups, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())

    pairs = [
        nn.Sequential(unit(64, 64, (3, 3), (1, 1), 64), unit(64, 64, (1, 1), (1, 1), 1))
        for _ in range(4)
    ]
    return nn.Sequential(
        unit(1, 64, (10, 4), (2, 2), 1), *pairs, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(64, 12),
    )  # fmt: skip


def transformer() -> nn.Module:
    """Four of PyTorch's encoder layers over tokens that are vectors already."""
    layer = nn.TransformerEncoderLayer(128, 4, 256, activation="gelu", batch_first=True)
    return nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)


class Gru(nn.Module):
    """Two layers of a GRU over 100 steps of 9 sensor channels, and a classifier of the last."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(9, 64, 2, batch_first=True)
        self.head = nn.Linear(64, 6)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 100, 9) -> (N, 6)."""
        out: Tensor = self.head(self.gru(x)[0][:, -1])
        return out


# Name -> how it is made, and the shape of its input without the batch.
OTHERS: Mapping[str, tuple[Callable[[], nn.Module], Shape]] = {
    "lraspp_mobilenet_v3_large": (partial(of_maps, "lraspp_mobilenet_v3_large"), (3, 224, 224)),
    "deeplabv3_mobilenet_v3_large": (
        partial(of_maps, "deeplabv3_mobilenet_v3_large"), (3, 128, 128),
    ),
    "unet_mobilenet_v2": (partial(of_smp, "Unet", "mobilenet_v2"), (3, 128, 128)),
    "fpn_mobilenet_v2": (partial(of_smp, "FPN", "mobilenet_v2"), (3, 128, 128)),
    "linknet_mobilenet_v2": (partial(of_smp, "Linknet", "mobilenet_v2"), (3, 128, 128)),
    "deeplabv3plus_mobilenet_v2": (
        partial(of_smp, "DeepLabV3Plus", "mobilenet_v2"), (3, 128, 128),
    ),
    "unet": (unet, (3, 128, 128)),
    "espcn_x3": (espcn, (1, 96, 96)),
    "auto_encoder_sounds": (auto_encoder, (640,)),
    "auto_encoder_pictures": (pictures_auto_encoder, (3, 64, 64)),
    "ds_cnn": (keyword_spotting, (1, 49, 10)),
    "transformer_4x128": (transformer, (64, 128)),
    "gru_2x64": (Gru, (100, 9)),
}  # fmt: skip
