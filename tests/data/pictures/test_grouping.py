from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from martlet.data.pictures import kind
from martlet.data.pictures.grouping import grouped_by
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import Listing, Picture
from martlet.data.split import split_samples
from martlet.errors import MartletError
from martlet.workflows.run_folder import Run

PATHS = ("a/cam1_001.jpg", "a/cam1_002.jpg", "b/cam1_003.jpg", "b/cam2_001.jpg", "b/odd.jpg")
LISTING = Listing(Path("data"), ("a", "b"), tuple(Picture(p, 0, None) for p in PATHS), ())


def test_the_brackets_name_the_group() -> None:
    found = grouped_by(LISTING, r"/(cam\d)_")
    assert [picture.group for picture in found.pictures] == ["cam1"] * 3 + ["cam2", None]
    assert found.notes == (
        "2 groups by their paths; the largest, 'cam1', has 3 pictures. 1 pictures, whose paths do "
        "not match, stand alone.",
    )


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("(cam", r"group_by='\(cam' is no regular expression \(missing \).*near-duplicates"),
        ("cam", "has 0 pairs of brackets; give one with a pair"),
        ("(a)(b)", "has 2 pairs"),
        ("(dog)", "group_by='.dog.' matches no picture's path, such as 'a/cam1_001.jpg'"),
    ],
)
def test_other_expressions_are_refused(expression: str, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        grouped_by(LISTING, expression)


@pytest.fixture
def bursts(tmp_path: Path) -> Path:
    """Two classes of twelve scenes, three shots of each: copies of other brightness and size."""
    for label in ("day", "night"):
        (tmp_path / "bursts" / label).mkdir(parents=True)
        for scene in range(12):
            random = np.random.default_rng([scene, label == "day"])
            image = Image.fromarray(random.integers(0, 200, (6, 6, 3)).astype(np.uint8))
            for shot in range(3):
                side = 40 + 8 * shot
                shown = image.resize((side, side), Image.Resampling.BICUBIC)
                brighter = shown.point(lambda value, shot=shot: value + 10 * shot)
                brighter.save(tmp_path / "bursts" / label / f"{scene:02}_{shot}.png")
    return tmp_path / "bursts"


@pytest.mark.parametrize("group_by", ["near-duplicates", r"(\w+/\d\d)_\d\.png"])
def test_a_burst_stays_in_one_part(bursts: Path, group_by: str) -> None:
    samples = kind.read(
        bursts,
        Preprocess(16),
        options=SimpleNamespace(group_by=group_by),
        max_bad=0,
        min_classes=2,
        progress=None,
    )
    assert samples.groups is not None
    assert len(set(samples.groups)) == 24
    split = split_samples(samples.labels, samples.digests, groups=samples.groups, test=0.25)
    for part in (split.train, split.val, split.test):
        scenes = {samples.names[index][:-6] for index in part}
        assert len(part) == 3 * len(scenes) > 0
    plain = kind.read(
        bursts, Preprocess(16), max_bad=0, min_classes=2, progress=None
    )  # fmt: skip
    assert plain.groups is None


@pytest.mark.slow
def test_a_run_warns_of_them_and_shows_them(bursts: Path, quick: Callable[..., Run]) -> None:
    run = quick(data=bursts, epochs=1)
    (note,) = run.metrics["notes"]
    assert "Nearly the same as a picture of a part before theirs" in note
    assert "--group-by near-duplicates keeps such pictures in one part" in note
    with Image.open(run.folder / "near_duplicates.png") as sheet:
        assert "nearly the same as one of another part" in sheet.info["Description"]
    assert "Nearly the same in two parts" in (run.folder / "report.html").read_text()
    run = quick(data=bursts, epochs=1, group_by="near-duplicates", overwrite=True)
    assert not run.metrics.get("notes")
    assert not (run.folder / "near_duplicates.png").exists()
