"""What a step of each optimiser takes, beside the forward and backward pass that it follows.

    python benchmarks/optimizer_step.py [--models ...] [--side 32] [--batch 32]

Milliseconds, the median of `TIMES`; the passes of all optimisers are one measurement. Writes
results/optimizer_step.csv.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from record import write_rows

from martlet import create_model
from martlet.training.optimizer import build_optimizer
from martlet.training.recipe import Recipe

MODELS = ("shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "mobilenet_v2")
OPTIMIZERS = ("sgd", "rmsprop", "adamw", "muon")
TIMES, WARM = 30, 5


def median_ms(call: Callable[[], object]) -> float:
    taken = []
    for number in range(WARM + TIMES):
        began = time.perf_counter()
        call()
        if number >= WARM:
            taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    given = parser.parse_args()
    rows = []
    for name in given.models:
        torch.manual_seed(0)
        model = create_model(name, num_classes=10, small_input=given.side <= 64).train()
        model = model.to(memory_format=torch.channels_last)
        inputs = torch.randn(given.batch, 3, given.side, given.side)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        labels = torch.randint(0, 10, (given.batch,))

        def passes() -> None:
            model.zero_grad()  # noqa: B023  # called within the turn
            F.cross_entropy(model(inputs), labels).backward()  # noqa: B023

        case = {"model": name, "side": given.side, "batch": given.batch}
        found = {"passes_ms": f"{median_ms(passes):.1f}"}
        for optimizer in OPTIMIZERS:
            # A rate that moves nothing: gradients stay numbers that training would meet.
            recipe = Recipe(optimizer=optimizer, lr=1e-9, muon_lr=1e-9).filled(0.0, given.batch)
            found[f"{optimizer}_ms"] = f"{median_ms(build_optimizer(model, recipe).step):.1f}"
        rows.append(case | found | {"threads": torch.get_num_threads()})
    write_rows("optimizer_step", rows)


if __name__ == "__main__":
    main()
