"""Windows into parts: who is held out, and what is said of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from martlet.data.series.preprocess import SeriesPreprocess
from martlet.data.series.recording import Recording, Recordings
from martlet.data.series.samples import SeriesSamples, samples_of
from martlet.data.series.split import OPTIMISTIC, split, who_is_where
from martlet.data.series.windows import cut_windows
from martlet.data.split import Split
from martlet.errors import MartletError
from martlet.workflows.train.options import TrainOptions


def samples(people: int = 6, known: bool = True, **fields: Any) -> SeriesSamples:
    """Two recordings of each subject, of two classes, five windows each."""
    generator = np.random.default_rng(0)
    items = []
    for number in range(people):
        for label in (0, 1):
            values = generator.normal(size=(24, 2)).astype(np.float32)
            name = f"{label}/{number}"
            who = f"s{number}" if known else None
            given = {name: value[number] for name, value in fields.items()}
            items.append(Recording(name, values, ("x", "y"), name, label, None, who, **given))
    recordings = Recordings(Path("r"), "table", ("run", "walk"), tuple(items))
    return samples_of(cut_windows(recordings, window=8, stride=4), SeriesPreprocess())


def test_subjects_are_held_out_whole_and_named() -> None:
    found = samples()
    made = split(found, TrainOptions(test=0.3))
    parts = [{found.groups[i] for i in getattr(made, part)} for part in ("train", "val", "test")]
    assert sum(map(len, parts)) == 6 == len(set.union(*parts))
    assert all(parts)
    first, second = sorted(parts[2])
    assert made.notes[0] in (
        f"Held out to score: subjects {first}, {second}.",
        f"Held out to score: subjects {second}, {first}.",
    )
    assert made.notes[1].startswith("Held out to choose the epoch: subject s")
    assert made.notes[2].startswith("Trained on: subjects s")
    assert made.caution == ""


def test_where_nobody_is_known_recordings_are_held_out() -> None:
    found = samples(known=False)
    made = split(found, TrainOptions())
    assert not found.by_subject
    assert made.notes[0].startswith("Held out to score: recording")
    trained = {found.groups[i] for i in made.train}
    assert not trained & {found.groups[i] for i in made.test}


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a_TEST.ts #{}"] * 12, "12 recordings of a_TEST.ts."),
        (["a.ts #1", "b.ts #1", "b.ts #2"], "1 recording of a.ts, 2 recordings of b.ts."),
        (["a.ts #3"], "recording a.ts #3."),
        (["2.csv", "1.csv"], "recordings 2.csv, 1.csv."),
        (["a/long/path/of/a/recording/{}.csv"] * 12, "ing/4.csv and 7 more."),
    ],
)
def test_files_that_hold_several_recordings_are_named_once(names: list[str], told: str) -> None:
    groups = [name.format(number) for number, name in enumerate(names)]
    found = Split((), (), tuple(range(len(groups))), tuple(groups))
    (sentence,) = who_is_where(found, groups, "recording")
    assert sentence.startswith("Held out to score: ")
    assert sentence.endswith(told)
    assert len(sentence) < 240


def test_windows_by_chance_are_called_optimistic() -> None:
    found = samples()
    made = split(found, TrainOptions(protocol="random"))
    assert {found.groups[i] for i in made.train} & {found.groups[i] for i in made.test}
    assert made.caution == OPTIMISTIC
    assert "optimistic" in OPTIMISTIC


def test_given_parts_are_kept() -> None:
    found = samples(part=["train", "train", "train", "val", "test", "test"])
    made = split(found, TrainOptions())
    assert [found.parts[i] for i in made.test] == ["test"] * 20
    assert {found.groups[i] for i in made.val} == {"s3"}
    with pytest.raises(MartletError, match="given in parts; leave it out"):
        split(found, TrainOptions(protocol="random"))


def test_what_cannot_be_split_is_one_sentence() -> None:
    with pytest.raises(MartletError, match=r"are of one subject, 's0', which cannot be trained"):
        split(samples(people=1), TrainOptions())
    with pytest.raises(MartletError, match=r"protocol 'people' is not known; accepted: disjoint"):
        split(samples(), TrainOptions(protocol="people"))


def with_equal_windows(people: int, of: int) -> SeriesSamples:
    """The first window of `of` subjects' first recordings is zeros."""
    made = samples(people)
    for item in made.windows.recordings:
        if int(str(item.subject)[1:]) < of:
            item.values[:8] = 0
    return samples_of(made.windows, SeriesPreprocess())


def test_equal_windows_of_several_subjects_are_told() -> None:
    made = split(with_equal_windows(8, of=3), TrainOptions())
    assert made.notes[-1] == (
        "Windows that several subjects have, equal in every sample: 1; subjects with one are in "
        "one part together: 's0', 's1', 's2'."
    )


def test_subjects_that_are_all_joined_cannot_be_held_out() -> None:
    with pytest.raises(MartletError, match="windows of different subjects are equal in every"):
        split(with_equal_windows(6, of=6), TrainOptions())
    assert split(with_equal_windows(6, of=6), TrainOptions(test=0, val=0)).test == ()
