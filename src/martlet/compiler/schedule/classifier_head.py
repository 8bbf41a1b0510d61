"""Fusion of a classifier's head with what is in front of it: see kernels/classifier_head.py."""

from dataclasses import replace
from math import prod

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.kernels.channelwise import Mean
from martlet.compiler.kernels.classifier_head import Head, Total
from martlet.compiler.kernels.gemm import Product

CACHE_PARTS = 4  # parts of a core's cache; from one of them on, weights do not wait in it


def join_heads(program: Program, schedule: Schedule, cache: int) -> Program:
    """With each product that is alone in its band, the mean of its maps and a large linear layer
    joined; the same program when there are none.

    `cache` is in bytes.
    """
    joined = replace(program, layers=[], buffers=[*program.buffers])
    layers, made, at = program.layers, joined.layers, 0
    while at < len(layers):
        product, mean, linear = (*layers[at : at + 3], Layer(), Layer())[:3]
        if (
            isinstance(product, Product)
            and isinstance(mean, Mean)
            and isinstance(linear, Product)
            and CACHE_PARTS * linear.weight.nbytes > cache > 0
            and product.name not in schedule.banded
            and _in_a_row(product, mean, linear)
            and _pays(product, linear)
        ):
            sums = joined.buffer(_sums(product, linear) * program.lanes, ())
            made += [Head(product, mean, linear, sums), Total(linear, sums)]
            at += 3
        else:
            made.append(product)
            at += 1
    return joined if len(made) < len(program.layers) else program


def _in_a_row(product: Product, mean: Mean, linear: Product) -> bool:
    """Whether each is of what the one before makes, and lanes that hold no channel come last.

    Others may hold anything, even what is no number.
    """
    y, slots = product.y, [slot for _, slot, _ in linear.x.channels()]
    return (
        product.window.is_pointwise
        and mean.x.blocks() == [(y, block) for block in range(y.blocks)]
        and linear.x.buffers == (mean.y,)
        and linear.x.lanes == y.lanes
        and not linear.x.where[..., 2].any()
        and sorted(slots) == list(range(len(slots)))
        and linear.window.is_pointwise
        and prod(linear.window.out) == linear.groups == 1
        and linear.add is None
        and linear.gate is None
    )


def _pays(product: Product, linear: Product) -> bool:
    """Whether the product works long enough, and its maps are not smaller than the sums.

    A core gets about a quarter of a byte from memory in the time of one multiplication: of at most
    a byte for each, a quarter of the weights or more comes while the product is at work.
    """
    places = product.y.blocks * product.y.places
    return linear.weight.nbytes <= product.macs and _sums(product, linear) <= places


def _sums(product: Product, linear: Product) -> int:
    """Vectors that all groups of the product's channels together add to the outputs."""
    return len(product.sizes(Schedule())) * linear.y.blocks
