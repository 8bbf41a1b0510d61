"""Samples that are pushed one by one get the answers of whole windows, bit for bit."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.compiler.graphs import Works, runs_here
from tests.compiler.series import CHANNELS, LAYOUTS, LENGTH, recording, series_file, window_of

from martlet.compiler import compile_onnx
from martlet.compiler.targets import target
from martlet.errors import MartletError

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")

SANITIZERS = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

# Pushes the recording from its standard input through two streams, the second one a sample later,
# and runs over every window that the first completes. Prints how many there were.
MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "net.h"

int main(int count, char **words) {
  float sample[CHANNELS], output[NET_OUTPUT0_FLOATS], late[NET_OUTPUT0_FLOATS];
  float whole[NET_OUTPUT0_FLOATS], before[CHANNELS];
  float *window = calloc(NET_INPUT0_FLOATS, sizeof(float));
  char *workspace = malloc(NET_WORKSPACE_BYTES), *weights = malloc(NET_WEIGHT_BYTES);
  char *one = calloc(NET_STREAM_BYTES + 3, 1), *two = calloc(NET_STREAM_BYTES, 1);
  FILE *file = fopen(words[count - 1], "rb");
  if (fread(weights, 1, NET_WEIGHT_BYTES, file) != NET_WEIGHT_BYTES) return 2;
  fclose(file);
  int found = 0, behind = 0;
  for (int n = 0; fread(sample, sizeof(float), CHANNELS, stdin) == CHANNELS; n++) {
    memmove(window, window + CHANNELS, sizeof(float) * (NET_INPUT0_FLOATS - CHANNELS));
    memcpy(window + NET_INPUT0_FLOATS - CHANNELS, sample, sizeof sample);
    if (n && net_push(before, late, two, weights)) {
      if (memcmp(late, output, sizeof output)) return 3;
      behind++;
    }
    memcpy(before, sample, sizeof sample);
    if (!net_push(sample, output, one + 3, weights)) continue;
    net_run(window, whole, workspace, weights);
    if (memcmp(output, whole, sizeof whole)) return 4;
    found++;
  }
  free(window), free(workspace), free(weights), free(one), free(two);
  printf("%d %d", found, behind);
  return 0;
}
"""


def test_in_a_program_under_the_sanitizers(tmp_path: Path, works: Works) -> None:
    works(["gcc", *SANITIZERS])
    path = series_file(tmp_path, "mixed")
    compile_onnx(path, tmp_path, name="net", weights="file", library=False, stream=8)
    (tmp_path / "main.c").write_text(MAIN)
    flags = [*SANITIZERS, *target("native").flags, f"-DCHANNELS={CHANNELS}", "-Wall", "-Werror"]
    command = ["gcc", *flags, "main.c", "net.c", "-lm", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True)
    said = subprocess.run(
        ["./main", "net.bin"], input=recording().tobytes(), cwd=tmp_path, capture_output=True
    )
    assert (said.returncode, said.stderr) == (0, b"")
    assert said.stdout == b"14 14"  # a window ends at samples 40, 48 … 144


@pytest.mark.parametrize(
    ("layout", "stride", "name"),
    [
        ("mixed", 4, "native"),
        ("apart", 2, "portable"),
        ("columns", 3, "native"),
        ("line", 40, "native"),
        *(
            pytest.param(layout, stride, name, marks=pytest.mark.slow)
            for layout in LAYOUTS
            for stride in (1, 2, 12, 20, 36, 39, 47)
            for name in ("native", "portable", "x86-64-v3")
        ),
    ],
)
def test_answers_are_those_of_whole_windows(
    tmp_path: Path, layout: str, stride: int, name: str
) -> None:
    if not runs_here(name):
        pytest.skip(f"this machine does not run {name}")
    net = compile_onnx(series_file(tmp_path, layout), tmp_path, target=name, stream=stride)
    push, samples, ends = net.stream(), recording(), list[int]()
    other = net.stream()
    for end, sample in enumerate(samples, 1):
        other(sample[::-1].copy())  # a recording of its own disturbs nobody
        found = push(sample)
        if found is not None:
            assert np.array_equal(found, net(window_of(layout, samples[end - LENGTH : end])))
            ends.append(end)
    assert ends == list(range(LENGTH, len(samples) + 1, stride))


def test_the_header_says_what_a_stream_needs(tmp_path: Path) -> None:
    net = compile_onnx(series_file(tmp_path, "mixed"), tmp_path, stream=8, library=False)
    header = (tmp_path / "mixed.h").read_text()
    about = net.description
    assert f"#define MIXED_STREAM_BYTES {about.stream_bytes}\n" in header
    assert "#define MIXED_STREAM_STRIDE 8 " in header
    assert "int mixed_push(const float *sample, float *output0, void *stream);" in header
    assert about.stream_stride == 8
    plain = compile_onnx(series_file(tmp_path, "mixed"), tmp_path / "plain", library=False)
    assert plain.description.stream_bytes == 0
    assert "push" not in (tmp_path / "plain" / "mixed.h").read_text()
    with pytest.raises(MartletError, match="holds the sources of mixed alone"):
        net.stream()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"stream": 0}, "stream=0 is not accepted; give 1 to"),
        ({"stream": "4"}, "stream='4' is not accepted; give a whole number"),
        ({"stream": 4, "threads": 2}, "stream=4 is for one window at a time on one thread"),
    ],
)
def test_bad_options_are_one_sentence(
    tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        compile_onnx(series_file(tmp_path, "line"), tmp_path / "out", library=False, **options)
    assert not (tmp_path / "out").exists()


def test_a_network_of_pictures_takes_no_samples(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"stream is for windows of a recording; the input 'x'"):
        compile_onnx(tiny, tmp_path / "out", library=False, stream=4)
