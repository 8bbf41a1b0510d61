"""A scene and its label map through train: what is read, split, fitted and refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import martlet
from martlet.data import kinds
from martlet.data.scenes import kind as module
from martlet.data.scenes.contents import Georeference
from martlet.data.scenes.geotiff import opened_to_write
from martlet.data.scenes.kind import SCENES
from martlet.data.scenes.pixel_split import within
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.samples import SceneSamples
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.workflows.train.options import TrainOptions

ROWS, COLUMNS, BANDS = 40, 44, 16
GIVEN: dict[str, Any] = {
    "model": "hybridsn_salinas",
    "components": 13,
    "window": 9,
    "train_share": 0.2,
    "epochs": 1,
    "batch_size": 32,
    "quiet": True,
}


def write_scene(folder: Path) -> tuple[Path, Path]:
    """A scene of fields of 8 × 11 pixels, three classes with spectra of their own and noise."""
    generator = np.random.default_rng(0)
    fields = np.arange(20).reshape(5, 4) % 3
    labels = np.kron(fields, np.ones((8, 11), int)).astype(np.uint8)
    spectra = generator.normal(size=(3, BANDS)) * 3
    cube = spectra[labels] + generator.normal(size=(ROWS, COLUMNS, BANDS))
    values = np.array([0, 1, 10, 14], np.uint8)[labels + 1]
    values[::8] = 0
    np.save(folder / "scene.npy", cube.astype(np.float32))
    np.save(folder / "gt.npy", values)
    return folder / "scene.npy", folder / "gt.npy"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_scene(tmp_path_factory.mktemp("scene"))


def options(labels: Path | None, **more: Any) -> TrainOptions:
    return TrainOptions(**{**GIVEN, "labels": labels, "bands_axis": 2, **more})


def read(files: tuple[Path, Path], **more: Any) -> SceneSamples:
    given = options(files[1], **more)
    preprocess = module.prepare(given, None, {"components": 15})
    return module.read(files[0], preprocess, options=given, max_bad=0, min_classes=2, progress=None)


@pytest.mark.slow
def test_train_fits_on_its_part_alone_and_the_checkpoint_holds_it(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    run = martlet.train(
        files[0],
        labels=files[1],
        bands_axis=2,
        protocol="disjoint",
        folder=tmp_path / "run",
        **GIVEN,
    )
    _, header = checkpoint.load(run.checkpoint)
    assert header.classes == ("1", "10", "14")
    assert header.network.options == {"window": 9}
    preprocess = header.preprocess
    assert isinstance(preprocess, ScenePreprocess)
    assert (preprocess.shape, preprocess.bands) == ((1, 13, 9, 9), BANDS)
    samples = read(files)
    split = module.split(samples, options(files[1]))
    cube = np.load(files[0])
    training = cube[samples.rows, samples.columns][list(split.train)].astype(float)
    np.testing.assert_allclose(preprocess.mean, training.mean(0), atol=1e-6)
    assert kinds.preprocess_from(preprocess.to_dict()) == preprocess


def test_parts_are_apart_by_half_a_window(files: tuple[Path, Path]) -> None:
    samples = read(files)
    split = module.split(samples, options(files[1]))
    parts = {part: np.zeros((ROWS, COLUMNS), bool) for part in ("train", "val", "test")}
    for part, mask in parts.items():
        chosen = list(getattr(split, part))
        mask[samples.rows[chosen], samples.columns[chosen]] = True
        assert {samples.labels[i] for i in chosen} == {0, 1, 2} or part == "val"
    assert not (within(parts["train"], 4) & (parts["test"] | parts["val"])).any()
    assert len(split.dropped) == len(samples) - sum(mask.sum() for mask in parts.values()) > 0


def test_a_map_of_parts_is_followed(files: tuple[Path, Path], tmp_path: Path) -> None:
    samples = read(files)
    parts = np.zeros((ROWS, COLUMNS), np.uint8)
    parts[samples.rows, samples.columns] = np.where(samples.columns < 22, 1, 2)
    np.save(tmp_path / "parts.npy", parts)
    split = module.split(samples, options(files[1], protocol=str(tmp_path / "parts.npy")))
    assert samples.columns[list(split.train)].max() < 22 <= samples.columns[list(split.test)].min()
    several = {"train": parts == 1, "test": parts == 2}
    np.savez(tmp_path / "both.npz", **several)
    again = module.split(samples, options(files[1], protocol=str(tmp_path / "both.npz")))
    assert (again.train, again.test) == (split.train, split.test)
    np.savez(tmp_path / "other.npz", a=parts, b=parts)
    with pytest.raises(MartletError, match="name them train, val, test"):
        module.split(samples, options(files[1], protocol=str(tmp_path / "other.npz")))


@pytest.mark.parametrize("form", ["last", "first", "double", "tif"])
def test_a_map_of_parts_in_any_form(files: tuple[Path, Path], tmp_path: Path, form: str) -> None:
    samples = read(files)
    parts = np.zeros((ROWS, COLUMNS), np.uint8)
    parts[samples.rows, samples.columns] = np.where(samples.columns < 22, 1, 2)
    path = tmp_path / ("parts.tif" if form == "tif" else "parts.npy")
    if form == "tif":
        place = Georeference(transform=(30, 0, 500_000, 0, -30, 4_000_000))
        with opened_to_write(path, parts, place, None):
            pass
    else:
        forms = {"last": parts[..., None], "first": parts[None], "double": parts.astype(float)}
        np.save(path, forms[form])
    split = module.split(samples, options(files[1], protocol=str(path)))
    assert samples.columns[list(split.train)].max() < 22 <= samples.columns[list(split.test)].min()


def test_windows_of_weights_are_those_that_are_kept_apart(files: tuple[Path, Path]) -> None:
    before, _ = module.fit(module.prepare(options(None), None, {}), read(files), range(100))
    assert before.window == 9

    def parts(given: TrainOptions) -> tuple[int, int]:
        preprocess = module.prepare(given, before, {})
        samples = module.read(
            files[0], preprocess, options=given, max_bad=0, min_classes=2, progress=None
        )
        assert samples.preprocess is not None
        return samples.preprocess.window, module.split(samples, given).protocol["guard"]

    assert parts(options(files[1], window=None)) == (9, 4)
    with pytest.raises(MartletError, match="window=5 is not that of the weights, 9"):
        parts(options(files[1], window=5))
    before = replace(before, planes=True)  # of a network of pictures, which takes any side
    assert parts(options(files[1], window=5)) == (5, 2)
    with pytest.raises(MartletError, match="pca='whole-scene': the weights know components"):
        module.prepare(options(None, pca="whole-scene"), before, {})


def test_no_components_are_not_the_usual_ones() -> None:
    with pytest.raises(MartletError, match="components=0 is not accepted"):
        module.prepare(options(None, components=0), None, {"components": 15})


def test_windows_are_turned_over_only_when_the_recipe_flips(files: tuple[Path, Path]) -> None:
    window = np.arange(3 * 3 * 2, dtype=np.float32).reshape(3, 3, 2)
    still = SCENES.augment(ScenePreprocess(), options(None, flip=False))
    assert all((still(window).numpy() == window).all() for _ in range(5))
    turned = SCENES.augment(ScenePreprocess(), options(None, flip=True))
    seen = {turned(window).numpy().tobytes() for _ in range(50)}
    wanted = {np.flip(window, axes).tobytes() for axes in [(), (0,), (1,), (0, 1)]}
    assert seen == wanted


def test_weights_keep_their_window_and_components(files: tuple[Path, Path]) -> None:
    before = ScenePreprocess(window=11, components=13)
    assert module.prepare(options(files[1], window=11), before, {}) is before
    assert module.prepare(options(files[1], window=None), before, {}) is before
    with pytest.raises(
        MartletError, match=r"^window=9 is not that of the weights, 11; leave it out"
    ):
        module.prepare(options(files[1], window=9), before, {})


def test_the_guard_is_that_of_the_window_of_the_weights(files: tuple[Path, Path]) -> None:
    preprocess, samples = module.fit(
        module.prepare(options(files[1], window=13), None, {}), read(files), range(100)
    )
    assert samples.preprocess == preprocess
    found = module.split(samples, options(files[1], window=None))  # its default is another
    assert found.protocol["guard"] == 6


def test_without_a_label_map_it_is_asked_for(files: tuple[Path, Path]) -> None:
    with pytest.raises(MartletError, match=r"needs its label map; give it as --labels FILE"):
        martlet.train(files[0], **GIVEN)


def test_a_folder_of_pictures_has_no_label_map(photos: Path, files: tuple[Path, Path]) -> None:
    sentence = rf"^labels={files[1]} is for scenes, and {photos} is a folder; leave it out for pic"
    with pytest.raises(MartletError, match=sentence):
        martlet.train(photos, labels=files[1], quiet=True)


def test_batches_become_inputs_of_the_network(files: tuple[Path, Path]) -> None:
    import torch

    preprocess, samples = module.fit(
        module.prepare(options(files[1]), None, {}), read(files), range(100)
    )
    windows = np.stack([samples[i] for i in (0, 5)])
    made = SCENES.to_input(preprocess, torch.device("cpu"))(torch.from_numpy(windows))
    assert tuple(made.shape) == (2, *preprocess.shape)
    np.testing.assert_array_equal(made.numpy(), preprocess.normalise(windows))
