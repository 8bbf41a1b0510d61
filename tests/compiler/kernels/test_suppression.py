"""Boxes that stay of those that overlap, as ONNX Runtime says; -1 in the rows that are left."""

import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.compiler.exported import marked
from tests.compiler.graphs import Works, by_onnx_runtime, graph, run, save

from martlet.compiler import compile_onnx
from martlet.errors import MartletError

MAIN = """
#include <stdio.h>
#include "net.h"
static float boxes[NET_INPUT0_FLOATS], scores[NET_INPUT1_FLOATS];
static int64_t rows[NET_OUTPUT0_NUMBERS];
static char work[NET_WORKSPACE_BYTES];
int main(void) {
  for (int i = 0; i < NET_INPUT0_FLOATS; i++) boxes[i] = (float)(i * 7 % 11);
  for (int i = 0; i < NET_INPUT1_FLOATS; i++) scores[i] = (float)(i * 5 % 13) / 13;
  net_run(boxes, scores, rows, work);
  printf("%d", (int)rows[0]);
  return 0;
}
"""


def suppression(
    pictures: int,
    classes: int,
    boxes: int,
    *,
    most: int,
    overlap: float,
    least: float,
    more: str = "",
) -> onnx.ModelProto:
    return graph(
        f"y = NonMaxSuppression {more} (boxes, scores, most, overlap, least)",
        {"boxes": (pictures, boxes, 4), "scores": (pictures, classes, boxes)},
        "y:int64", most=[most], overlap=np.float32([overlap]), least=np.float32([least]),
    )  # fmt: skip


@pytest.mark.parametrize("seed", marked(range(12), range(4)))
def test_random_boxes(seed: int) -> None:
    """Scores of one decimal: many are equal."""
    chance = np.random.default_rng(seed)
    count, classes = int(chance.integers(1, 60)), int(chance.integers(1, 4))
    boxes = chance.random((2, count, 4), np.float32) * np.float32(chance.choice([1, 10]))
    scores = np.round(chance.random((2, classes, count)), 1).astype(np.float32)
    model = suppression(
        2, classes, count, most=int(chance.integers(1, 12)), overlap=chance.choice([0, 0.3, 0.5]),
        least=chance.choice([0.2, 0.5]), more=f"<center_point_box = {seed % 2}>",
    )  # fmt: skip
    (expected,) = by_onnx_runtime(model, boxes, scores)
    for target in ("native", "portable"):
        (found,) = run(model, {"boxes": boxes, "scores": scores}, target)
        np.testing.assert_array_equal(found[: len(expected)], expected)
        assert (found[len(expected) :] == -1).all()


def test_rows_that_others_read_are_refused() -> None:
    """How many there are is not known beforehand, and -1 would be taken for the last box."""
    model = suppression(1, 1, 5, most=3, overlap=0.5, least=0.0)
    model.graph.output[0].name = "z"
    model.graph.node.append(onnx.helper.make_node("Neg", ["y"], ["z"]))
    sides = {"boxes": np.zeros((1, 5, 4), np.float32), "scores": np.zeros((1, 1, 5), np.float32)}
    with pytest.raises(MartletError, match="how many boxes are left is known at run time only"):
        run(model, sides)


def test_memory(tmp_path: Path, works: Works) -> None:
    command = ["gcc", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    works(command)
    model = suppression(1, 3, 20, most=4, overlap=0.3, least=0.1)
    compile_onnx(save(model, tmp_path), tmp_path / "out", library=False, target="portable")
    (tmp_path / "main.c").write_text(MAIN)
    files = ["main.c", "out/net.c", "-Iout", "-o", "main", "-lm"]
    done = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    ran = subprocess.run([tmp_path / "main"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "0", "")
