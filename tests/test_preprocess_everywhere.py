"""One JPEG through training, evaluation, prediction, export and the exported file's metadata."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from martlet.api.export import export
from martlet.data.batches import EvalBatches, TrainBatches
from martlet.data.cache import PixelCache
from martlet.data.loader import TrainLoader
from martlet.data.pictures.augment import augmented, build_augment
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import scan
from martlet.data.pictures.to_input import ToInput
from martlet.inference import load
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.training.recipe import Recipe
from martlet.workflows.open_network import open_network

# Figures that no default has: whoever falls back on a default is found out.
PREPROCESS = Preprocess(size=32, crop_pct=1.0, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
NETWORK = Network("shufflenet_v2_x0_5", num_classes=2, in_chans=3, small_input=True)


@pytest.fixture(scope="module")
def jpeg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo-like JPEG, turned by EXIF, in a folder of two classes."""
    folder = tmp_path_factory.mktemp("photos")
    for number, name in enumerate("ab"):
        (folder / name).mkdir()
        small = np.random.default_rng(number).integers(0, 256, (9, 13, 3), np.uint8)
        picture = Image.fromarray(small).resize((150, 90), Image.Resampling.BICUBIC)
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(folder / name / "photo.jpg", exif=exif)
    return folder / "a" / "photo.jpg"


@pytest.fixture(scope="module")
def expected(jpeg: Path) -> np.ndarray:
    """The picture as Preprocess gives it."""
    found = PREPROCESS(jpeg)
    assert found.shape == (3, 32, 32)
    return found


@pytest.fixture(scope="module")
def cache(jpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> PixelCache:
    listing = scan(jpeg.parent.parent)
    return PixelCache.build(listing, PREPROCESS, folder=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> Path:
    """A run folder with fresh weights."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("run")
    header = Header(NETWORK, ("a", "b"), PREPROCESS, recipe)
    checkpoint.save(folder / "model.safetensors", NETWORK.build().state_dict(), header)
    return folder


def test_training_and_evaluation(cache: PixelCache, expected: np.ndarray) -> None:
    augment = partial(augmented, build_augment(32, crop_scale=1.0, flip=False))
    batches = TrainBatches(
        cache, cache.labels, [0, 1], preprocess=PREPROCESS, augment=augment, batch_size=2, seed=0
    )
    ((pixels, labels),) = TrainLoader(batches, 0).epoch(0)
    evaluation = EvalBatches(cache, cache.labels, [0], preprocess=PREPROCESS, batch_size=1)
    for batch in (pixels[labels == 0], evaluation[0][0]):
        np.testing.assert_array_equal(ToInput(PREPROCESS)(batch)[0].numpy(), expected)


def test_prediction(run: Path, jpeg: Path, expected: np.ndarray) -> None:
    network = open_network(run)
    assert network.preprocess == PREPROCESS
    logits = network.logits(expected[None])[0]
    (answer,) = network.predict([jpeg])
    probabilities = np.exp(logits) / np.exp(logits).sum()
    assert answer.probability == pytest.approx(probabilities.max(), rel=1e-6)


@pytest.mark.slow
def test_exported_file_and_its_metadata(run: Path, jpeg: Path, expected: np.ndarray) -> None:
    file = export(run).path
    session = onnxruntime.InferenceSession(str(file))
    metadata = json.loads(session.get_modelmeta().custom_metadata_map["martlet"])
    assert Preprocess.from_dict(metadata["preprocess"]) == PREPROCESS
    by_hand = session.run(None, {"input": PREPROCESS(jpeg)[None]})[0][0]
    network = load(file)
    np.testing.assert_array_equal(network.logits(expected[None])[0], by_hand)
    np.testing.assert_allclose(open_network(run).logits(expected[None])[0], by_hand, atol=1e-5)
    (answer,) = network.predict([jpeg])
    assert answer.label == "ab"[int(by_hand.argmax())]
