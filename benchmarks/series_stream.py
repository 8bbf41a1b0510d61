"""Samples per second that a compiled network of recordings takes on one core, its RAM and flash.

    python benchmarks/series_stream.py [NETWORK ...]

A program in C pushes samples of noise for a second, at several strides; beside it, in turns, what
running over each whole window takes that has the same strides. RAM is a stream, flash the weights
and the object's code (`size`). Writes results/series_stream.csv.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from exported import exported
from record import write_rows

from martlet.compiler import compile_onnx
from martlet.compiler.targets import FLAGS, target

NETWORKS = ("shufflenet_series_mixed", "shufflenet_series_x0_5", "shufflenet_series")
STRIDES = (2, 4, 8, 16, 32, 64)  # of windows of 128 samples
TARGETS = ("native", "portable")
ROUNDS, SECONDS = 5, 0.1
MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "net.h"

static char stream[NET_STREAM_BYTES], workspace[NET_WORKSPACE_BYTES];
static float noise[NET_INPUT0_FLOATS], window[NET_INPUT0_FLOATS], output[NET_OUTPUT0_FLOATS];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Samples in a second: pushed, or with a run over the whole window every so many of them. */
static double rate(int pushed) {
  long done = 0, answers = 0;
  double begin = now(), spent;
  do {
    for (int n = 0; n < 4 * LENGTH; n++, done++) {
      const float *sample = noise + done % LENGTH * CHANNELS;
      if (pushed) {
        answers += net_push(sample, output, stream);
      } else {
        memmove(window, window + CHANNELS, sizeof window - CHANNELS * sizeof *window);
        memcpy(window + NET_INPUT0_FLOATS - CHANNELS, sample, CHANNELS * sizeof *window);
        if (done % NET_STREAM_STRIDE == 0) net_run(window, output, workspace), answers++;
      }
    }
    spent = now() - begin;
  } while (spent < SECONDS);
  if (!answers) exit(1);
  return done / spent;
}

int main(void) {
  for (int n = 0; n < NET_INPUT0_FLOATS; n++) noise[n] = rand() / (float)RAND_MAX - 0.5f;
  for (int round = 0; round < ROUNDS; round++) printf("%g %g\\n", rate(1), rate(0));
  return 0;
}
"""


def row(name: str, path: Path, stride: int, chosen: str, folder: Path) -> dict[str, object]:
    """The best of some rounds, which others on the machine disturb least."""
    net = compile_onnx(path, folder, name="net", target=chosen, stream=stride, library=False)
    about = net.description
    ((_, _, length, channels),) = about.inputs.values()
    (folder / "main.c").write_text(MAIN, encoding="ascii")
    sizes = {"LENGTH": length, "CHANNELS": channels, "ROUNDS": ROUNDS, "SECONDS": SECONDS}
    flags = [*FLAGS, *target(chosen).flags, *(f"-D{key}={size}" for key, size in sizes.items())]
    for command in (["-c", "net.c"], ["main.c", "net.o", "-lm", "-o", "main"]):
        subprocess.run(["cc", *flags, *command], cwd=folder, check=True)
    said = subprocess.run(["./main"], cwd=folder, check=True, capture_output=True, text=True).stdout
    rates = zip(*(map(float, line.split()) for line in said.splitlines()), strict=True)
    pushed, whole = map(max, rates)
    text = subprocess.run(["size", "net.o"], cwd=folder, check=True, capture_output=True, text=True)
    flash = int(text.stdout.splitlines()[1].split()[0])  # code and constants, the weights too
    return {
        "network": name, "target": chosen, "stride": stride,
        "samples_per_second": f"{pushed:.0f}", "whole_windows": f"{whole:.0f}",
        "times": f"{pushed / whole:.2f}", "answers_per_second": f"{pushed / stride:.0f}",
        "ram_bytes": about.stream_bytes, "flash_bytes": flash, "weight_bytes": about.weight_bytes,
    }  # fmt: skip


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in sys.argv[1:] or NETWORKS:
            _, path, _ = exported(name, Path(scratch))
            for chosen in TARGETS:
                for stride in STRIDES:
                    folder = Path(scratch) / f"{name}_{chosen}_{stride}"
                    folder.mkdir()
                    rows.append(row(name, path, stride, chosen, folder))
    write_rows("series_stream", rows)


if __name__ == "__main__":
    main()
