"""Convolution by Fourier transforms equals torch's own."""

import pytest
import torch
import torch.nn.functional as F

from martlet.ops.fft_conv import fft_conv, kernel_spectra, side_of_tiles


@pytest.mark.parametrize("kernel", [9, 10, 17])
@pytest.mark.parametrize("size", [(17, 17), (18, 40), (64, 31)])
@pytest.mark.parametrize("batch", [1, 2])
def test_it_is_conv2d(kernel: int, size: tuple[int, int], batch: int) -> None:
    torch.manual_seed(0)
    maps = torch.randn(batch, 5, *size)
    weight, bias = torch.randn(7, 5, kernel, kernel), torch.randn(7)
    found = fft_conv(maps, kernel_spectra(weight), bias, kernel)
    expected = F.conv2d(maps, weight, bias)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < 5e-6 * expected.abs().max()


def test_a_third_of_a_transform_is_overlap() -> None:
    assert side_of_tiles(17) == 48
