"""NAME_boxes.h, compiled: suppression is torchvision's, and the boxes are those of Python."""

import ctypes
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchvision.ops import nms

from martlet.compiler.codegen.boxes_header import boxes_header
from martlet.errors import MartletError
from martlet.tasks.detection.answers import decoded, places_of
from martlet.tasks.detection.limits import LIMITS, MOST_CANDIDATES, MOST_OVERLAP
from martlet.tasks.detection.rows import in_pixels, selected

SIZE, CLASSES, BINS, STRIDES = (64, 96), 3, 8, [8, 16, 32]
PLACES = len(places_of(STRIDES, SIZE))
DISTANCES = (1, PLACES, CLASSES + 4 * BINS)  # answers
STRICT = ("-std=gnu11", "-O3", "-march=native", "-Wall", "-Wextra", "-Werror", "-Wconversion")
META: dict[str, Any] = {
    "classes": ["a", "b", "c"],
    "answers": {"kind": "distances", "bins": BINS, "strides": STRIDES, **LIMITS},
}
FEW = {**META, "answers": {**META["answers"], "most_candidates": 20}}
WRAPPER = """
#include "net_boxes.h"
int boxes_of(const float *answers, float least, double overlap, void *boxes) {
  return net_boxes(answers, least, overlap, boxes);
}
void sort(void *boxes, int count) { net_sort(boxes, count); }
int suppress(void *boxes, int count, double overlap, int most) {
  return net_suppress(boxes, count, overlap, most);
}
"""
BOX = np.dtype(
    [*((side, np.float32) for side in ("left", "top", "right", "bottom", "score")),
     ("label", np.int32), ("place", np.int32)]
)  # fmt: skip


def facts(outputs: tuple[int, ...] = DISTANCES) -> Any:
    program = SimpleNamespace(
        name="net", inputs=[("x", (1, 3, *SIZE))], outputs=[("y", outputs)], shape=lambda it: it
    )
    return SimpleNamespace(program=program)


def compiled(
    folder: Path, meta: dict[str, Any], *flags: str, outputs: tuple[int, ...] = DISTANCES
) -> ctypes.CDLL:
    text = boxes_header(facts(outputs), meta) or ""
    (folder / "net_boxes.h").write_text(text, encoding="ascii")
    (folder / "net.c").write_text(WRAPPER)
    words = ["cc", *STRICT, "-shared", "-fPIC", "net.c", "-o", "net.so", "-lm"]
    subprocess.run([*words, *flags], cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "net.so"))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compiled(tmp_path_factory.mktemp("boxes"), META)


def test_suppression_is_torchvisions_on_a_thousand_sets(library: ctypes.CDLL) -> None:
    """Scores and boxes on coarse grids: ties, equal boxes, overlaps that are exactly the bound."""
    rng = np.random.default_rng(0)
    for number in range(1000):
        count = int(rng.integers(0, 60))
        boxes = np.zeros(count, BOX)
        boxes["left"], boxes["top"] = rng.integers(0, 20, (2, count))
        boxes["right"] = boxes["left"] + rng.integers(1, 20, count)
        boxes["bottom"] = boxes["top"] + rng.integers(1, 20, count)
        if number % 2:  # as coordinates are, of which areas are rounded
            for side in ("left", "top", "right", "bottom"):
                boxes[side] *= np.float32(1.1)
        boxes["score"] = rng.integers(0, 12, count) / 12
        boxes["place"] = np.arange(count)
        most = (0.3, 0.5, 0.6)[number % 3]
        corners = np.stack([boxes[s] for s in ("left", "top", "right", "bottom")], 1)
        expected = nms(torch.from_numpy(corners), torch.from_numpy(boxes["score"].copy()), most)
        library.sort(ctypes.c_void_p(boxes.ctypes.data), count)
        kept = library.suppress(
            ctypes.c_void_p(boxes.ctypes.data), count, ctypes.c_double(most), 1000
        )
        assert boxes["place"][:kept].tolist() == expected.tolist()


def found_in_c(
    library: ctypes.CDLL, answers: NDArray[np.float32], least: float
) -> NDArray[np.float32]:
    """As rows (n, 6)."""
    boxes = np.zeros(MOST_CANDIDATES, BOX)
    count = library.boxes_of(
        ctypes.c_void_p(answers.ctypes.data), ctypes.c_float(least),
        ctypes.c_double(MOST_OVERLAP), ctypes.c_void_p(boxes.ctypes.data),
    )  # fmt: skip
    names = ("left", "top", "right", "bottom", "score", "label")
    return np.stack([boxes[name][:count] for name in names], 1).astype(np.float32)


@pytest.mark.parametrize("middle", [-8.0, -3.0, 0.0, 2.0])
def test_boxes_are_those_of_python(library: ctypes.CDLL, middle: float) -> None:
    """From no candidate to three for every place."""
    rng = np.random.default_rng(1)
    for _ in range(25):
        answers = 3 * rng.standard_normal((PLACES, CLASSES + 4 * BINS)).astype(np.float32)
        answers[:, :CLASSES] = answers[:, :CLASSES] / 2 + middle
        corners, scores = decoded(answers[None], META["answers"], SIZE)
        (expected,) = selected(corners, scores, SIZE)
        expected = expected[expected[:, 5] >= 0]
        found = in_pixels(found_in_c(library, answers, LIMITS["least_score"]), SIZE)
        assert len(found) == len(expected)
        np.testing.assert_array_equal(found[:, 5], expected[:, 5])
        np.testing.assert_allclose(found, expected, atol=1e-3)


SIDES = [[[0.2, 0.2], [0.3, 0.15]], [[0.5, 0.5], [0.7, 0.35]], [[0.9, 0.9], [1.0, 0.45]]]
OF_ANCHORS: dict[str, Any] = {
    "classes": ["a", "b", "c"],
    "answers": {
        "kind": "anchors", "strides": STRIDES, "sides": SIDES,
        "weights": [10.0, 10.0, 5.0, 4.0], "largest": 4.0, **LIMITS,
    },
}  # fmt: skip
MOVED = (1, 2 * PLACES, 1 + CLASSES + 4)  # answers


@pytest.fixture(scope="module")
def anchored(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("anchored")
    return compiled(folder, OF_ANCHORS, "-fsanitize=undefined", outputs=MOVED)


@pytest.mark.parametrize("background", [-4.0, 0.0, 4.0, 40.0])
def test_boxes_of_anchors_are_those_of_python(anchored: ctypes.CDLL, background: float) -> None:
    """From many candidates to none; sides that grow out of the picture, and no further than so."""
    rng = np.random.default_rng(3)
    for _ in range(25):
        answers = 2 * rng.standard_normal(MOVED).astype(np.float32)
        answers[..., 0] += background
        answers[:, ::7, -2:] *= 9
        corners, scores = decoded(answers, OF_ANCHORS["answers"], SIZE)
        (expected,) = selected(corners, scores, SIZE)
        expected = expected[expected[:, 5] >= 0]
        found = in_pixels(found_in_c(anchored, answers[0], LIMITS["least_score"]), SIZE)
        assert len(found) == len(expected)
        np.testing.assert_array_equal(found[:, 5], expected[:, 5])
        np.testing.assert_allclose(found, expected, atol=1e-3)
    assert (len(expected) == 0) == (background == 40.0)


def test_anchors_that_say_no_number_are_no_box(anchored: ctypes.CDLL) -> None:
    assert len(found_in_c(anchored, np.full(MOVED[1:], np.nan, np.float32), 0.05)) == 0
    every = found_in_c(anchored, np.zeros(MOVED[1:], np.float32), 0.0)  # above no score at all
    assert len(every) > 10
    assert np.allclose(every[:, 4], 0.25)


def test_no_more_candidates_than_there_is_room_for() -> None:
    assert PLACES * CLASSES < MOST_CANDIDATES
    assert "boxes[NET_MOST_CANDIDATES]" in (boxes_header(facts(), FEW) or "")
    assert "#define NET_MOST_CANDIDATES 20 " in (boxes_header(facts(), FEW) or "")


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compiled(tmp_path_factory.mktemp("crowded"), FEW, "-fsanitize=undefined")


def test_the_surest_ones_are_kept_where_there_are_more(crowded: ctypes.CDLL) -> None:
    """Scores on a coarse grid: of equal ones the earlier place stays."""
    rng = np.random.default_rng(2)
    for _ in range(200):
        answers = np.zeros((PLACES, CLASSES + 4 * BINS), np.float32)
        answers[:, :CLASSES] = rng.integers(-3, 4, (PLACES, CLASSES))
        answers[:, CLASSES + 1 :: BINS] = 40
        boxes = np.zeros(20, BOX)
        count = crowded.boxes_of(
            ctypes.c_void_p(answers.ctypes.data), ctypes.c_float(0.05), ctypes.c_double(2.0),
            ctypes.c_void_p(boxes.ctypes.data),
        )  # fmt: skip
        flat = answers[:, :CLASSES].ravel()
        order = np.argsort(-flat, kind="stable")[:20]
        assert count == 20
        assert (boxes["place"] * CLASSES + boxes["label"]).tolist() == order.tolist()


def test_no_number_is_no_box(library: ctypes.CDLL) -> None:
    answers = np.full((PLACES, CLASSES + 4 * BINS), np.nan, np.float32)
    assert len(found_in_c(library, answers, 0.05)) == 0


@pytest.mark.parametrize(
    "changes",
    [{"kind": "anchors"}, {"bins": 7}, {"bins": "x"}, {"strides": [8]}, {"strides": [0]}],
)
def test_what_is_damaged_is_refused(changes: dict[str, Any]) -> None:
    answers: Any = META["answers"]
    with pytest.raises(MartletError, match=re.escape("martlet metadata is damaged")):
        boxes_header(facts(), {**META, "answers": {**answers, **changes}})
    assert boxes_header(facts(), {"classes": []}) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"sides": SIDES[:2]},
        {"sides": [[], [], []]},
        {"sides": [SIDES[0], SIDES[1], SIDES[2][:1]]},
        {"weights": [1.0, 1.0, 1.0]},
        {"weights": [1.0, 1.0, 1.0, 0.0]},
        {"largest": float("nan")},
        {"strides": [8, 16]},
    ],
)
def test_damaged_anchors_are_refused(changes: dict[str, Any]) -> None:
    answers: Any = OF_ANCHORS["answers"]
    with pytest.raises(MartletError, match=re.escape("martlet metadata is damaged")):
        boxes_header(facts(MOVED), {**OF_ANCHORS, "answers": {**answers, **changes}})
