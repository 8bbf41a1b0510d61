"""HybridSN over a scene at once: the class of every pixel, without a window for each.

HybridSN has no stride and no padding. What its convolutions make of two windows that overlap is
the same where they overlap, so they run once over the scene; the first linear layer, which sees all
of a window's map, is a convolution with a kernel of that map's size (17 × 17 of windows of 25, nine
tenths of the multiply-adds: done in frequencies), and those behind it see one pixel.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.models.hybridsn import HybridSN
from martlet.ops.fft_conv import PAYS_FROM, fft_conv, kernel_spectra
from martlet.ops.tracing import is_recorded


class WholeScene(nn.Module):
    """Maps (batch, 1, bands, rows, columns) to (batch, num_classes, rows - w + 1, columns - w + 1).

    w is the window that the network was made for. At (r, c) stand the logits of the window whose
    first pixel is (r, c), which are those of the pixel in its middle, (r + w // 2, c + w // 2). The
    weights are the network's own, not copies. It answers as in evaluation: no dropout.
    """

    def __init__(self, network: HybridSN) -> None:
        super().__init__()
        self.network = network
        # Of the first linear layer as it was: the parameter, where its values lie, their version.
        self._known: tuple[Tensor, int, int] | None = None
        self._spectra = torch.empty(0)

    def _hidden(self, maps: Tensor) -> Tensor:
        """The first linear layer of every window, in frequencies where these are cheaper."""
        layer, side = self.network.fc1, self.network.side
        kernel = layer.weight.unflatten(1, (maps.shape[1], side, side))
        by_fft = side >= PAYS_FROM and maps.dtype == torch.float32 and not torch.is_grad_enabled()
        if is_recorded(maps) or not by_fft or min(maps.shape[2:]) < 2 * side:
            return F.conv2d(maps, kernel, layer.bias)
        weight = layer.weight
        now, known = (weight.data_ptr(), weight._version), self._known
        if known is None or known[0] is not weight or known[1:] != now:
            self._known, self._spectra = (weight, *now), kernel_spectra(kernel)
        return fft_conv(maps, self._spectra, layer.bias, side)

    def forward(self, scene: Tensor) -> Tensor:
        """Raises MartletError for other bands, and for a scene smaller than a window."""
        network = self.network
        if not is_recorded(scene):
            check_scene(network, tuple(scene.shape))
        hidden = F.relu(self._hidden(network.forward_features(scene)))
        last = F.relu(_per_pixel(hidden, network.fc2))
        if network.num_classes == 0:
            return last
        return _per_pixel(last, network.classifier)


def logits_at(network: HybridSN, scenes: Tensor, places: Tensor) -> Tensor:
    """Logits of some windows of a few scenes, (number, num_classes); the network trains as ever.

    scenes: (batch, 1, bands, rows, columns).
    places: (number, 3) whole numbers: scene, row and column of each window's first pixel.

    The convolutions run once for each scene, then each window's maps go through the linear layers,
    and through dropout, by themselves: values and gradients are those of a batch of the windows.
    """
    check_scene(network, tuple(scenes.shape))
    side = network.side
    maps = network.forward_features(scenes).movedim(1, 3)  # (batch, rows, columns, num_features)
    _, rows, columns, channels = maps.shape
    steps = torch.arange(side, device=places.device)
    within = (steps[:, None] * columns + steps).flatten()
    first = (places[:, 0] * rows + places[:, 1]) * columns + places[:, 2]
    # As rows of a table: the gradients of windows that overlap are added up row by row.
    windows = F.embedding(first[:, None] + within, maps.reshape(-1, channels))
    return network.forward_head(windows.transpose(1, 2).unflatten(2, (side, side)))


class OnTiles(nn.Module):
    """A network that takes windows, and tiles too: (scenes, places) as `logits_at` does.

    The weights are the network's own, not copies.
    """

    def __init__(self, network: HybridSN) -> None:
        super().__init__()
        self.network, self.training = network, network.training

    def forward(self, x: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        """Logits (windows, num_classes)."""
        if isinstance(x, Tensor):
            logits: Tensor = self.network(x)
            return logits
        return logits_at(self.network, *x)


def map_macs(network: HybridSN, rows: int, columns: int) -> int:
    """Multiply-adds of the convolutions for a scene of so many pixels."""
    macs, bands = 0, network.in_chans
    for taken, layer in enumerate(network.layers, 1):
        bands = bands - layer.kernel_size[0] + 1 if isinstance(layer, nn.Conv3d) else 1
        macs += layer.weight.numel() * bands * (rows - 2 * taken) * (columns - 2 * taken)
    return macs


def check_scene(network: HybridSN, shape: tuple[int, ...]) -> None:
    """Raises MartletError when a tensor of this shape is no scene for the network."""
    window, bands = network.window, network.in_chans
    if len(shape) != 5 or shape[1:3] != (1, bands) or min(shape[3:]) < window:
        raise MartletError(
            f"the scene has shape {shape}; accepted: (batch, 1, {bands}, rows, columns), with "
            f"{window} rows and columns or more."
        )


def _per_pixel(maps: Tensor, layer: nn.Module) -> Tensor:
    """A linear layer over the channels of each pixel."""
    assert isinstance(layer, nn.Linear)
    return F.conv2d(maps, layer.weight[:, :, None, None], layer.bias)
