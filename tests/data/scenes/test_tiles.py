"""Batches of pixels within tiles: which pixels, in which tiles, and the windows found there."""

import numpy as np
import pytest
import torch
from tests.data.scenes.test_preprocess import COLUMNS, ROWS, scene
from tests.data.scenes.test_samples import labels

from martlet.data.scenes import tiles as module
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.samples import SceneSamples, label_pixels
from martlet.data.scenes.tiles import StripBatches, TileLoader, Tiles, flips
from martlet.data.share import Share

WINDOW = 5


def pixels() -> SceneSamples:
    """All pixels of a scene but a few, each of them its own target."""
    values = np.ones((ROWS, COLUMNS), np.int32)
    values[2:5, 3], values[0, 0] = 0, 2
    return label_pixels(scene(), labels(values)).fit(ScenePreprocess(WINDOW, 4), range(40))


def loader(samples: SceneSamples, **given: object) -> TileLoader:
    known = {"side": 4, "batch_size": 12, "flip": False, "seed": 3, **given}
    return TileLoader(samples, range(len(samples)), range(len(samples)), **known)  # type: ignore[arg-type]


def windows(tiles: Tiles) -> np.ndarray:
    """The windows that a batch of tiles holds."""
    scenes = tiles.scenes.numpy()
    return np.stack(
        [scenes[t, r : r + WINDOW, c : c + WINDOW] for t, r, c in tiles.places.tolist()]
    )


@pytest.mark.parametrize(("side", "flip"), [(4, False), (100, True)])
def test_processes_take_the_parts_of_the_batches_of_one(side: int, flip: bool) -> None:
    samples = pixels()
    whole = loader(samples, side=side, flip=flip).epoch(1)
    parts = [loader(samples, side=side, flip=flip, share=Share(n, 3)).epoch(1) for n in range(3)]
    for (tiles, targets), *shared in zip(whole, *parts, strict=True):
        assert [len(some) for _, some in shared] == [4, 4, 4]
        assert torch.equal(torch.cat([some for _, some in shared]), targets)
        joined = np.concatenate([windows(some) for some, _ in shared])
        np.testing.assert_array_equal(joined, windows(tiles))


@pytest.mark.parametrize("side", [1, 4, 100])
def test_each_pixel_has_its_window_and_comes_once(side: int) -> None:
    samples = pixels()
    made = loader(samples, side=side)
    seen: list[int] = []
    for tiles, targets in made.epoch(1):
        chosen = targets.tolist()
        assert len(chosen) == made.batch_size == 12
        np.testing.assert_array_equal(windows(tiles), [samples[index] for index in chosen])
        assert max(tiles.scenes.shape[1:3]) <= side + WINDOW - 1
        seen += chosen
    assert len(set(seen)) == len(seen) == len(made) * 12 > len(samples) - 12


def test_classes_are_drawn_alike() -> None:
    samples = pixels()
    classes = [int(index < 5) for index in range(len(samples))]
    made = TileLoader(
        samples, classes, range(len(samples)), side=4, batch_size=12, flip=True, seed=3,
        balanced=True,
    )  # fmt: skip
    epochs = [torch.cat([targets for _, targets in made.epoch(epoch)]) for epoch in (0, 1, 0)]
    for targets in epochs:
        assert int(targets.sum()) == len(targets) // 2 == len(made) * 6
    assert torch.equal(epochs[0], epochs[2])


def test_neighbours_are_no_more_than_a_share_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tile of several neighbourhoods may hold the shares of all of them."""
    monkeypatch.setattr(module, "NEIGHBOURHOOD", 4)
    for side, most in ((2, 3), (4, 3), (6, 6), (8, 12)):
        monkeypatch.setattr(module, "NEIGHBOURS", 1 / 4)
        made = loader(pixels(), side=side)
        found = [np.bincount(tiles.places[:, 0]).max() for tiles, _ in made.epoch(0)]
        assert made.most == most
        assert max(found) <= most


def test_a_scene_smaller_than_a_tile_is_mixed_as_windows_are() -> None:
    for tiles, _ in loader(pixels(), side=100).epoch(0):
        assert len(tiles.scenes) <= 2


def test_each_way_round_is_as_frequent_as_the_others() -> None:
    rng = np.random.default_rng(0)
    for tiles in (1, 2, 7, 8):
        every = [flips(tiles, rng) for _ in range(200)]
        for ways in every:
            assert ways.shape == (tiles, 2)
            counts = [np.all(ways == way, axis=1).sum() for way in np.ndindex(2, 2)]
            assert max(counts) - min(counts) <= 1
        assert 0.4 < np.mean(every) < 0.6


def test_flips_turn_tiles_over_with_their_places() -> None:
    samples = pixels()
    straight, turned = (loader(samples, flip=flip).epoch(0) for flip in (False, True))
    found = set()
    for (one, targets), (other, again) in zip(straight, turned, strict=True):
        assert torch.equal(targets, again)
        for window, flipped in zip(windows(one), windows(other), strict=True):
            forms = [(), (0,), (1,), (0, 1)]
            same = [axes for axes in forms if np.array_equal(np.flip(window, axes), flipped)]
            assert same
            found |= set(same) if len(same) == 1 else set()
    assert len(found) == 4


def test_an_epoch_goes_on_from_any_batch_with_the_same_ones() -> None:
    made = loader(pixels(), flip=True)
    whole = list(made.epoch(2))
    for (tiles, targets), (other, again) in zip(made.epoch(2, first=3), whole[3:], strict=True):
        assert torch.equal(targets, again)
        assert torch.equal(tiles.scenes, other.scenes)
        assert torch.equal(tiles.places, other.places)
    assert not torch.equal(next(made.epoch(3))[1], whole[0][1])


def test_extents_are_those_of_the_batches() -> None:
    made = loader(pixels())
    beyond = WINDOW - 1
    found = [
        (n, r - beyond, c - beyond) for n, r, c, _ in (t.scenes.shape for t, _ in made.epoch(0))
    ]
    assert made.extents() == found


@pytest.mark.parametrize(("rows", "at_once"), [(1, 100), (3, 7), (100, 100)])
def test_strips_keep_the_order(monkeypatch: pytest.MonkeyPatch, rows: int, at_once: int) -> None:
    monkeypatch.setattr(module, "STRIP_ROWS", rows)
    monkeypatch.setattr(module, "STRIP_PIXELS", at_once)
    samples, seen = pixels(), list[int]()
    chosen = range(0, len(samples), 3)
    made = StripBatches(samples, range(len(samples)), chosen)
    for (tiles, targets), extent in zip(made, made.extents(), strict=True):
        np.testing.assert_array_equal(
            windows(tiles), [samples[index] for index in targets.tolist()]
        )
        assert extent[1] <= rows
        assert len(targets) <= at_once
        seen += targets.tolist()
    assert seen == list(chosen)
    assert len(made) == len(made.extents())
