"""Samples as sensors give them, scaled in C as in Python, bit for bit."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tests.compiler.graphs import Works
from tests.compiler.series import LENGTH, recording, series_file

from martlet.compiler import compile_onnx
from martlet.compiler.targets import target
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError
from martlet.workflows.stream import Stream

EXAMPLE = Path(__file__).parents[3] / "examples" / "c" / "label.c"
SANITIZERS = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
STRICT = ["-Wall", "-Wextra", "-Werror"]
NAMES = ("acc x", 'the "second"', "dreh°")
CLASSES = ["going", 'a "run"', "*/", "müde"]
HOW = SeriesPreprocess(
    channels=NAMES,
    rate=12.5,
    window=LENGTH,
    stride=20,
    mean=(1 / 3, -1e5, 7.0),
    std=(0.1, 3e-7, 2.0**-20),
)

# Reads pairs of samples, as they come and as Python scaled them, and pushes each into a stream of
# its own. Prints how many windows there were.
MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "net_samples.h"

int main(void) {
  float raw[NET_CHANNELS], ready[NET_CHANNELS], scaled[NET_CHANNELS];
  float one[NET_OUTPUT0_FLOATS], two[NET_OUTPUT0_FLOATS];
  char *first = calloc(NET_STREAM_BYTES, 1), *second = calloc(NET_STREAM_BYTES, 1);
  FILE *file = fopen("net.bin", "rb");
  char *weights = malloc(NET_WEIGHT_BYTES);
  if (fread(weights, 1, NET_WEIGHT_BYTES, file) != NET_WEIGHT_BYTES) return 2;
  fclose(file);
  int found = 0;
  while (fread(raw, sizeof raw, 1, stdin) == 1 && fread(ready, sizeof ready, 1, stdin) == 1) {
    net_scale(raw, scaled);
    if (memcmp(scaled, ready, sizeof ready)) return 3;
    const int is = net_push_raw(raw, one, first, weights);
    if (is != net_push(ready, two, second, weights)) return 4;
    if (is && memcmp(one, two, sizeof one)) return 5;
    found += is;
    net_scale(raw, raw);
    if (memcmp(raw, ready, sizeof ready)) return 6;
  }
  free(first), free(second), free(weights);
  printf("%d %d %g %d ", found, NET_WINDOW, NET_RATE, NET_STRIDE);
  printf("%s %s", NET_CHANNEL[1], NET_CLASS[3]);
  return NET_CLASSES != 4;
}
"""


def told_file(folder: Path, **other: Any) -> Path:
    """A network that says, as martlet's exporter does, what its samples are."""
    model = onnx.load(series_file(folder, "mixed"))
    entry = model.metadata_props.add()
    told = {"format": 1, "classes": CLASSES, "preprocess": HOW.to_dict() | other}
    entry.key, entry.value = "martlet", json.dumps(told)
    onnx.save(model, folder / "net.onnx")
    return folder / "net.onnx"


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")
def test_raw_samples_get_the_answers_of_scaled_ones(tmp_path: Path, works: Works) -> None:
    works(["gcc", *SANITIZERS])
    compile_onnx(told_file(tmp_path), tmp_path, weights="file", library=False, stream=8)
    (tmp_path / "main.c").write_text(MAIN)
    flags = [*SANITIZERS, *target("native").flags, *STRICT]
    subprocess.run(
        ["gcc", *flags, "main.c", "net.c", "-lm", "-o", "main"], cwd=tmp_path, check=True
    )
    raw = (recording() * np.float32([5, 1e5, 3e-3]) + np.float32([0, -1e5, 7])).astype(np.float32)
    ready = HOW.normalise(raw)[0]
    pairs = np.stack([raw, ready], 1).tobytes()
    said = subprocess.run(["./main"], input=pairs, cwd=tmp_path, capture_output=True)
    assert (said.returncode, said.stderr) == (0, b"")
    assert said.stdout.decode() == f'14 {LENGTH} 12.5 20 the "second" müde'


@pytest.fixture(scope="module")
def labelling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a network for the example, and the example's program in it."""
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("labelling")
    compile_onnx(told_file(folder), folder, name="model", target="portable", stream=8)
    words = [
        "cc",
        "-std=gnu11",
        "-O2",
        *STRICT,
        "-I.",
        str(EXAMPLE),
        "model.c",
        "-lm",
        "-o",
        "label",
    ]
    subprocess.run(words, cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("header", ["", "ax,ay,az\n"])
def test_the_example_says_what_a_stream_says(labelling: Path, header: str) -> None:
    raw = (recording() * np.float32([5, 1e-6, 1e-5]) + np.float32([0, -1e5, 7])).astype(np.float32)
    lines = [",".join(repr(float(value)) for value in sample) for sample in raw]
    text = header + "".join(f"{line}\r\n" for line in lines[:75]) + "\n".join(lines[75:])
    done = subprocess.run(["./label"], input=text.encode(), cwd=labelling, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    expected = Stream(labelling).push(raw)
    assert len(expected) == 14
    said = [line.split(maxsplit=3) for line in done.stdout.decode().splitlines()]
    assert [(int(end), label) for end, _, _, label in said] == [
        (answer.end, answer.label) for answer in expected
    ]
    for (_, share, *_), answer in zip(said, expected, strict=True):
        assert abs(float(share) - 100 * answer.probability) < 0.051


@pytest.mark.parametrize("line", ["1,2", "1,2,x", "1,2,3,4", "1,nan,3", "1 2 3", ""])
def test_the_example_refuses_what_is_no_sample(labelling: Path, line: str) -> None:
    text = f"a,b,c\n1,2,3\n{line}\n"
    done = subprocess.run(["./label"], input=text.encode(), cwd=labelling, capture_output=True)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"line 3: a sample is 3 numbers\n"


@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
@pytest.mark.parametrize("options", [{}, {"stream": 8}, {"stream": 8, "weights": "text"}])
def test_the_header_compiles_by_itself(tmp_path: Path, options: dict[str, Any]) -> None:
    compile_onnx(told_file(tmp_path, rate=None), tmp_path, library=False, **options)
    text = (tmp_path / "net_samples.h").read_text(encoding="ascii")
    assert ("net_push_raw(" in text) == bool(options)
    assert "NET_RATE" not in text
    (tmp_path / "one.c").write_text('#include "net_samples.h"\nint main(void) { return 0; }\n')
    words = ["cc", "-std=c11", "-pedantic", *STRICT, "-c", "one.c", "-o", "one.o"]
    subprocess.run(words, cwd=tmp_path, check=True)


def test_a_network_that_says_nothing_of_samples_has_no_such_header(tmp_path: Path) -> None:
    compile_onnx(series_file(tmp_path, "mixed"), tmp_path / "out", library=False, stream=8)
    assert not list((tmp_path / "out").glob("*_samples.h"))


@pytest.mark.parametrize(
    "other",
    [
        {"std": [1.0, 1.0]},
        {"std": [1.0, 0.0, 1.0]},
        {"std": [1.0, 1e-40, 1.0]},
        {"mean": [0.0, 1e39, 0.0]},
        {"mean": [0.0, float("nan"), 0.0]},
        {"channels": [*NAMES, "a fourth"], "mean": [0.0] * 4, "std": [1.0] * 4},
        {"window": LENGTH + 1},
        {"window": "long"},
        {"channels": None},
    ],
)
def test_what_does_not_fit_the_network_writes_nothing(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    path = told_file(tmp_path, **other)
    with pytest.raises(MartletError, match="the ONNX file's martlet metadata is damaged"):
        compile_onnx(path, tmp_path / "out", library=False, stream=8)
    assert not (tmp_path / "out").exists()


def test_a_file_of_that_name_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "net_samples.h").write_text("mine")
    with pytest.raises(MartletError, match="was not made by martlet and would be lost"):
        compile_onnx(told_file(tmp_path), tmp_path, library=False)
    assert (tmp_path / "net_samples.h").read_text() == "mine"
