import pytest

from swiftlet.train.recipe import Recipe


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(
        epochs=3,
        batch_size=8,
        lr=0.1,
        warmup_epochs=1.0,
        optimizer="sgd",
        momentum=0.9,
        weight_decay=1e-4,
        label_smoothing=0.1,
        drop_rate=0.0,
        crop_scale=0.5,
        flip=True,
        trivial_augment=False,
        erase=0.0,
        ema=0.0,
        seed=0,
        precision="float32",
        compiled=False,
    )
