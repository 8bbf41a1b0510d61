"""Convolution with large kernels by way of Fourier transforms, tile by tile (overlap and save).

A kernel of k × k costs k² multiply-adds for each pair of channels and pixel. In frequencies it is
one complex product for each pair and frequency, of which a pixel has about 2: some 30 times fewer
for 17 × 17. What the transforms of the maps cost grows with the channels, not with their pairs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

PAYS_FROM = 9  # side of a kernel; below it the transforms cost more than they save


def side_of_tiles(kernel: int) -> int:
    """Of one transform, in pixels: two thirds of its rows and columns are results."""
    return 3 * (kernel - 1)


def kernel_spectra(weight: Tensor) -> Tensor:
    """A weight (out, in, k, k) as `fft_conv` takes it: (frequencies, out, in), complex."""
    side = side_of_tiles(weight.shape[2])
    spectra = torch.fft.rfft2(weight, s=(side, side)).permute(2, 3, 0, 1).flatten(0, 1)
    return spectra.conj_physical().contiguous()  # a convolution is a correlation


def fft_conv(maps: Tensor, spectra: Tensor, bias: Tensor, kernel: int) -> Tensor:
    """What `conv2d` makes of maps (batch, in, rows, columns), without stride and padding.

    Equal but for rounding: about 1e-6 of the largest value.
    """
    batch, _, rows, columns = maps.shape
    side = side_of_tiles(kernel)
    step = side - kernel + 1
    height, width = rows - kernel + 1, columns - kernel + 1
    down, across = -(-height // step), -(-width // step)
    more = (0, across * step + kernel - 1 - columns, 0, down * step + kernel - 1 - rows)
    tiles = F.pad(maps, more).unfold(2, side, step).unfold(3, side, step)
    # (batch, in, down, across, side, side / 2 + 1) to (frequencies, in, tiles of all inputs)
    found = torch.fft.rfft2(tiles).permute(4, 5, 1, 0, 2, 3)
    half = found.shape[1]
    products = torch.bmm(spectra, found.flatten(3).flatten(0, 1))
    outputs = products.unflatten(0, (side, half)).unflatten(3, (batch, down, across))
    tiles = torch.fft.irfft2(outputs.permute(3, 2, 4, 5, 0, 1), s=(side, side))
    inside = tiles[..., :step, :step].permute(0, 1, 2, 4, 3, 5)
    joined = inside.reshape(batch, -1, down * step, across * step)
    return joined[:, :, :height, :width] + bias[:, None, None]
