"""Outputs of a scene strip by strip are those of each pixel's own window."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import martlet
from martlet.console.progress import Voice
from martlet.data.scenes.labels import LabelMap
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.samples import components_of, label_pixels
from martlet.data.scenes.scene import Scene
from martlet.data.scenes.strips import Run, pixel_logits, strips
from martlet.inference import Network
from martlet.models.hybridsn import HybridSN
from martlet.models.whole_scene import WholeScene
from martlet.workflows.predict_scene import map_of

ROWS, COLUMNS, BANDS, WINDOW, COMPONENTS, CLASSES = 23, 17, 14, 9, 13, 3


@pytest.fixture(scope="module")
def model() -> HybridSN:
    torch.manual_seed(0)
    given = {"num_classes": CLASSES, "in_chans": COMPONENTS, "window": WINDOW}
    network = martlet.create_model("hybridsn", **given).eval()
    assert isinstance(network, HybridSN)
    return network


@pytest.fixture(scope="module")
def scene() -> Scene:
    values = np.random.default_rng(0).normal(size=(ROWS, COLUMNS, BANDS)).astype(np.float32)
    values[5, 6] = np.nan
    return Scene(Path("scene"), values)


def preprocess(tile: int) -> ScenePreprocess:
    rng = np.random.default_rng(1)
    projection = tuple(map(tuple, rng.normal(size=(COMPONENTS, BANDS)).tolist()))
    return ScenePreprocess(
        WINDOW, COMPONENTS, mean=tuple(rng.normal(size=BANDS)), projection=projection, tile=tile
    )


def runs(model: HybridSN, tile: int, any_size: bool) -> Run:
    whole = WholeScene(model)

    @torch.inference_mode()
    def run(tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        assert any_size or tiles.shape[1:] == preprocess(tile).shape
        return np.asarray(whole(torch.from_numpy(tiles)).numpy())

    return run


def by_windows(model: HybridSN, scene: Scene) -> NDArray[np.float32]:
    padded, _ = components_of(scene, preprocess(1))
    cut = [
        padded[row : row + WINDOW, column : column + WINDOW]
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]
    with torch.inference_mode():
        logits = model(torch.from_numpy(preprocess(1).normalise(np.stack(cut))))
    return np.asarray(logits.numpy().T.reshape(CLASSES, ROWS, COLUMNS))


@pytest.mark.parametrize("tile", [1, 5, 16, 64])
@pytest.mark.parametrize("any_size", [True, False])
def test_outputs_are_those_of_every_window(
    model: HybridSN, scene: Scene, tile: int, any_size: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("martlet.data.scenes.scene.BLOCK_VALUES", 3 * COLUMNS * BANDS)
    run = runs(model, tile, any_size)
    found = list(strips(run, scene, preprocess(tile), any_size=any_size))
    assert [(one.first, one.last) for one in found] == [
        (first, min(ROWS, first + tile)) for first in range(0, ROWS, tile)
    ]
    logits = np.concatenate([one.logits for one in found], axis=1)
    expected = by_windows(model, scene)
    np.testing.assert_allclose(logits, expected, atol=1e-5 * np.abs(expected).max())


def test_it_starts_where_it_is_told_and_leaves_out_what_is_not_wanted(
    model: HybridSN, scene: Scene
) -> None:
    run, wanted = runs(model, 5, True), np.zeros((ROWS, COLUMNS), bool)
    found = strips(run, scene, preprocess(5), any_size=True, start=15)
    assert [one.first for one in found] == [15, 20]
    wanted[[2, 12], [3, 4]] = True
    found = strips(run, scene, preprocess(5), any_size=True, wanted=wanted)
    assert [one.first for one in found] == [0, 10]


def test_labelled_pixels_get_their_windows_outputs(model: HybridSN, scene: Scene) -> None:
    labels = np.zeros((ROWS, COLUMNS), np.int32)
    labels[1:4], labels[15:, :5] = 2, 7
    samples = label_pixels(scene, LabelMap(Path("gt"), labels, {2: "a", 7: "b"}))
    chosen = [60, 3, 70, 4]
    found = pixel_logits(runs(model, 5, False), samples, chosen, preprocess(5))
    expected: Any = by_windows(model, scene)[:, samples.rows[chosen], samples.columns[chosen]].T
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("values_at_once", [1, 1 << 20])
def test_pixels_without_a_spectrum(
    scene: Scene, values_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("martlet.data.scenes.scene.BLOCK_VALUES", values_at_once)
    _, held = components_of(scene, preprocess(1), 2, 9)
    assert held.shape == (7, COLUMNS)
    assert np.argwhere(~held).tolist() == [[3, 6]]
    values = np.array(scene.values[:, :])
    values[3, 2, 4] = np.nan  # of a band that is not looked at
    given = replace(preprocess(1), left_out=(4,))
    _, held = components_of(Scene(Path("scene"), values), given, 2, 9)
    assert np.argwhere(~held).tolist() == [[3, 6]]


class Counting:
    """Values of a scene that note which rows are read."""

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.values, self.read = values, list[tuple[int, int]]()
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, place: tuple[slice, slice]) -> NDArray[np.float32]:
        self.read.append((place[0].start, place[0].stop))
        return self.values[place]


def test_a_map_reads_each_strip_once(scene: Scene, tmp_path: Path) -> None:
    counting: Any = Counting(np.asarray(scene.values))
    counted = Scene(Path("scene"), counting)
    header = {"classes": ["a", "b"], "preprocess": preprocess(10).to_dict(), "task": "pixels"}
    network = Network(
        lambda tiles: np.ones((len(tiles), 2, 10, 10), np.float32), tmp_path / "x.onnx", header
    )
    (tmp_path / "x.onnx").touch()
    found = map_of(network, counted, tmp_path, Voice(quiet=True))
    assert counting.read == [(0, 14), (6, 23), (16, 23)]
    assert np.argwhere(found.classes == 0).tolist() == [[5, 6]]
