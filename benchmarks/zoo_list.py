"""Everyone's small networks: what zoo.py compiles and times, found once and written down.

    python benchmarks/zoo_list.py      # benchmarks/zoo.txt; torchvision, timm, pytorchcv installed

All classifiers of torchvision, timm and pytorchcv with under 1 GMAC and 30 M params at their own
picture size, and the networks of other kinds that zoo_others.py builds. Nothing is computed:
modules are made and run on PyTorch's device "meta". pytorchcv's are left out where another library
has a network of the same MACs and params.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from zoo_others import OTHERS

MOST_MACS, MOST_PARAMS = 1e9, 30e6
LIST = Path(__file__).parent / "zoo.txt"
Made = tuple[str, str, Callable[[], nn.Module], tuple[int, ...]]  # library, name, module, input


def of_torchvision() -> Iterator[Made]:
    """Its classifiers."""
    import torchvision.models as models

    for name in models.list_models(module=models):
        side = 299 if name == "inception_v3" else 224
        make = partial(models.get_model, name, weights=None)
        yield "torchvision", name, make, (3, side, side)


def of_timm() -> Iterator[Made]:
    """All that it can make without weights."""
    import timm

    for name in timm.list_models():
        known = timm.models.get_pretrained_cfg(name)
        shape = tuple(known.input_size) if known is not None else (3, 224, 224)
        yield "timm", name, partial(timm.create_model, name, exportable=True), shape


def of_pytorchcv() -> Iterator[Made]:
    """Its classifiers of ImageNet; those of small pictures say so in their names."""
    from pytorchcv.model_provider import _models as models

    for name, make in models.items():
        if any(word in name for word in ("_cifar", "_svhn", "_cub", "_voc", "_coco", "_ade20k")):
            continue
        yield "pytorchcv", name, make, (3, 224, 224)


def of_others() -> Iterator[Made]:
    """Those that classify no pictures."""
    for name, (make, shape) in OTHERS.items():
        yield "others", name, make, shape


def of_size(
    make: Callable[[], nn.Module], shape: tuple[int, ...], ranks: Sequence[int]
) -> tuple[float, float] | None:
    """(MACs, params) of one that is small enough, with one answer of such a rank; else None."""
    with torch.device("meta"):
        model = make().eval()
        params = sum(weight.numel() for weight in model.parameters())
        if params > MOST_PARAMS:
            return None
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            answer = model(torch.empty(1, *shape))
    macs = counter.get_total_flops() / 2
    fits = macs <= MOST_MACS and isinstance(answer, torch.Tensor) and answer.ndim in ranks
    return (macs, params) if fits else None


def main() -> None:
    warnings.filterwarnings("ignore")
    lines, known = list[str](), set[tuple[str, float, float]]()
    for of in (of_torchvision, of_timm, of_pytorchcv, of_others):
        for library, name, make, shape in of():
            try:
                size = of_size(make, shape, (2, 3, 4) if library == "others" else (2,))
            except Exception as error:  # of whatever kind: it cannot be made without its weights
                print(f"{library} {name}: {type(error).__name__} {str(error).splitlines()[:1]}")
                continue
            if size is None or (library == "pytorchcv" and any(size == k[1:] for k in known)):
                continue
            known.add((library, *size))
            macs, params = size
            sides = "x".join(map(str, shape))
            lines.append(f"{library} {name} {sides} {macs / 1e6:.1f} {params / 1e6:.3f}")
            print(lines[-1], flush=True)
    LIST.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
