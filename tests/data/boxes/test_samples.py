"""Pictures with boxes as samples: targets in the network's pixels, and a class to split by."""

from pathlib import Path

import numpy as np
import pytest
from tests import boxed

from martlet.data.boxes.preprocess import BoxPreprocess
from martlet.data.boxes.read import read_boxes
from martlet.data.boxes.samples import COLUMNS, BoxSamples, rarest

SIZE = 16


@pytest.fixture
def samples(tmp_path: Path) -> BoxSamples:
    listing = read_boxes(*boxed.coco(tmp_path))
    return BoxSamples.build(listing, BoxPreprocess(size=SIZE), max_bad=0.0, progress=None)


def test_targets_are_scaled_as_the_sides_are(samples: BoxSamples) -> None:
    found = samples.targets([0, 1])
    assert found.shape == (4, 3, COLUMNS)
    for number, name in enumerate(samples.names):
        truth = boxed.TRUTH[Path(name).stem]
        rows = found[number][found[number, :, 0] >= 0]
        assert len(rows) == len(truth)
        for row, (label, *corners) in zip(rows, truth, strict=True):
            assert samples.classes[int(row[0])] == label
            across, down = SIZE / boxed.WIDTH, SIZE / boxed.HEIGHT
            expected = np.array(corners) * (across, down, across, down)
            np.testing.assert_allclose(row[1:5], expected, rtol=1e-6)
            assert row[5] == 0
        own = found[number, :, 6:]
        assert (own == (boxed.WIDTH / SIZE, boxed.HEIGHT / SIZE)).all()  # without boxes too


def test_classes_may_be_numbered_otherwise(samples: BoxSamples) -> None:
    usual, other = samples.targets([0, 1]), samples.targets([5, 3])
    mapped = np.select([usual[..., 0] == 0, usual[..., 0] == 1], [5, 3], -1)
    assert np.array_equal(other[..., 0], mapped)


def test_a_picture_is_of_its_rarest_class(samples: BoxSamples) -> None:
    of = dict(zip((Path(name).stem for name in samples.names), samples.labels, strict=True))
    cat, dog = samples.classes.index("cat"), samples.classes.index("dog")
    # Two pictures have cats, three have dogs.
    assert of == {"a": cat, "b": dog, "c": dog, "d": cat}
    assert rarest(samples.listing) == list(samples.labels)


def test_boxes_are_counted_class_by_class(samples: BoxSamples) -> None:
    cats = samples.classes.index("cat")
    counts = samples.counts(range(4))
    assert counts[cats] == 3
    assert sum(counts) == 6
    assert samples.counts([]) == [0, 0]
    assert samples[0].shape == (SIZE, SIZE, 3)
    assert len(samples) == 4
    assert samples.groups is None
