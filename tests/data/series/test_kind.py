"""Recordings through the verbs: trained, scored, labelled over time, exported, refused."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import martlet
from martlet.data.series import kind as module
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.data.series.samples import SeriesSamples
from martlet.errors import MartletError
from martlet.tasks.rejection import ENERGY, UNKNOWN, Unknown, score
from martlet.training import checkpoint
from martlet.workflows.open_network import open_network
from martlet.workflows.predict_series import predict_recordings
from martlet.workflows.run_folder import Run, read_json
from martlet.workflows.stream import Stream
from martlet.workflows.train.options import TrainOptions

RATE = 50
GIVEN: dict[str, Any] = {
    "model": "shufflenet_series_x0_5",
    "window": "1.28s",
    "rate": RATE,
    "epochs": 4,
    "batch_size": 16,
    "workers": 0,
    "quiet": True,
}
SPEED = {"run": 3.0, "sit": 0.0, "walk": 1.5}  # Hz


def motion(name: str, length: int, seed: int) -> np.ndarray:
    """(length, 3): a swing of the class's speed and noise."""
    generator = np.random.default_rng(seed)
    at = np.arange(length) / RATE * 2 * np.pi * SPEED[name] + generator.uniform(0, 6)
    swing = np.stack([np.sin(at + turn) * (SPEED[name] > 0) for turn in range(3)], 1)
    return swing * 3 + 0.3 * generator.normal(size=(length, 3)) + 1.0


def write(path: Path, values: np.ndarray, header: str = "acc_x,acc_y,acc_z") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, values, delimiter=",", header=header, comments="", fmt="%.5f")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six subjects, a recording of each of three motions."""
    root = tmp_path_factory.mktemp("series") / "recordings"
    for number, name in enumerate(SPEED):
        for subject in range(1, 7):
            write(root / name / f"subject{subject}.csv", motion(name, 320, 10 * subject + number))
    return root


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return martlet.train(folder, **GIVEN, folder=tmp_path_factory.mktemp("runs"), name="run")


def read(data: Path, **options: Any) -> SeriesSamples:
    given = TrainOptions(**{**GIVEN, **options})
    preprocess = module.prepare(given, None, {})
    return module.read(data, preprocess, options=given, max_bad=0, min_classes=2, progress=None)


def test_the_checkpoint_holds_what_the_training_part_says(run: Run, folder: Path) -> None:
    _, header = checkpoint.load(run.checkpoint)
    preprocess = header.preprocess
    assert isinstance(preprocess, SeriesPreprocess)
    assert preprocess.channels == ("acc_x", "acc_y", "acc_z")
    assert (preprocess.rate, preprocess.window, preprocess.stride) == (50.0, 64, 32)
    assert header.network.in_chans == 3
    rows = read_json(run.folder / "split.json")["train"]
    held = {row[0].partition(" @")[0] for row in rows}
    values = [np.loadtxt(folder / name, delimiter=",", skiprows=1) for name in sorted(held)]
    np.testing.assert_allclose(preprocess.mean, np.concatenate(values).mean(0), atol=1e-4)
    np.testing.assert_allclose(preprocess.std, np.concatenate(values).std(0), atol=1e-4)
    assert run.metrics["top1"] > 0.8
    assert run.metrics["noun"] == "windows"
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert run.metrics["notes"][0].startswith("Held out to score: subject subject")
    assert run.metrics["notes"][0] in page
    assert "crop_scale" not in page  # the recipe's options of other data
    assert "picture" not in page.partition("</style>")[2]
    assert (run.folder / "windows.png").exists()
    assert "Training windows of 3 classes, as the network takes them" in page


def test_evaluate_scores_the_subjects_that_are_held_out(run: Run, folder: Path) -> None:
    found = martlet.evaluate(run.folder, folder, quiet=True)
    assert found["top1"] == run.metrics["top1"]
    assert found["left_out"]["the run trained on them"] > 0
    assert found["windows"] == run.metrics["windows"] > 0
    assert "caution" not in found
    assert "pictures" not in {*found, *run.metrics}


def test_options_of_pictures_are_refused(run: Run, folder: Path) -> None:
    with pytest.raises(
        MartletError, match=r"^max_bad=0\.5 is for pictures and boxes, and .* takes recordings"
    ):
        martlet.evaluate(run.folder, folder, max_bad=0.5)
    with pytest.raises(MartletError, match=r"^top=5 is for pictures, and .* takes recordings here"):
        martlet.predict(run.folder, folder, top=5)


@pytest.mark.slow
def test_a_random_split_is_called_optimistic_wherever_its_figures_stand(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {**GIVEN, "epochs": 1, "protocol": "random", "quiet": False}
    run = martlet.train(folder, **options, folder=tmp_path, name="run")
    said = capsys.readouterr().err
    assert "The random split is optimistic" in said
    assert " windows/s  seconds in all" in said
    assert "optimistic" in (run.folder / "report.html").read_text(encoding="utf-8")
    assert "optimistic" in martlet.evaluate(run.folder, folder, quiet=True)["caution"]


def test_a_long_recording_becomes_a_timeline(run: Run, tmp_path: Path) -> None:
    names = ["walk", "sit", "run"]
    values = np.concatenate([motion(name, 400, 99) for name in names])
    write(tmp_path / "day.csv", values)
    (found,) = martlet.predict(
        run.folder, tmp_path / "day.csv", output=tmp_path / "out", quiet=True
    )
    assert [one.label for one in found.segments] == names
    ends = [one.stop for one in found.segments]
    np.testing.assert_allclose(ends, [8, 16, 24], atol=1.3)
    with open(tmp_path / "out" / "segments.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == names
    assert rows[0].keys() >= {"recording", "start_s", "stop_s", "probability"}
    assert (tmp_path / "out" / "timeline.png").stat().st_size > 1000
    (short,) = martlet.predict(run.folder, tmp_path / "no.csv", quiet=True)
    assert "does not exist" in short.error
    assert not (run.folder / "no_timeline").exists()


def test_what_is_like_no_motion_is_unknown_when_asked(run: Run, tmp_path: Path) -> None:
    values = np.concatenate([motion("walk", 400, 99), motion("sit", 400, 99)])
    write(tmp_path / "day.csv", values)
    network = open_network(run.folder)
    scores = [score(ENERGY, answer.logits) for answer in Stream(run.folder).push(values)]
    options: dict[str, Any] = {"output": tmp_path / "out", "smooth": None, "quiet": True}
    for below, labels in ((-1e9, ["walk", "sit"]), (float(np.median(scores)), None), (1e9, None)):
        network.unknown = Unknown(ENERGY, below, 0.05, 20)
        (found,) = predict_recordings(network, [tmp_path / "day.csv"], unknown=True, **options)
        with open(tmp_path / "out" / "windows.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        expected = [str(int(one < below)) for one in scores]
        assert [row[UNKNOWN] for row in rows[: len(scores)]] == expected
        for row in rows:  # the network's own answers stay beside it
            assert sum(float(row[name]) for name in network.classes) == pytest.approx(1, abs=1e-4)
        if labels is not None:
            assert [one.label for one in found.segments] == labels
    assert [(one.label, one.probability) for one in found.segments] == [(UNKNOWN, 1)]

    tensors, header = checkpoint.load(run.checkpoint)
    below = float(np.median(scores))
    header = replace(header, unknown=Unknown(ENERGY, below, 0.05, 20))
    checkpoint.save(tmp_path / "model.safetensors", tensors, header)
    answers = Stream(tmp_path / "model.safetensors", unknown=True).push(values)
    assert [one.label == UNKNOWN for one in answers] == [one < below for one in scores]
    with pytest.raises(MartletError, match="unknown=True is for the files of a trained network"):
        Stream(martlet.load(run.folder), window=64, unknown=True)


def test_predict_needs_no_labels_and_names_the_channels_that_it_lacks(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = motion("walk", 400, 5)
    more = np.column_stack([values, np.zeros((400, 2))])
    write(tmp_path / "day.csv", more, "acc_x,acc_y,acc_z,label,activity")
    write(tmp_path / "less.csv", values, "acc_x,acc,z")
    sources = [tmp_path / "day.csv", tmp_path / "less.csv"]
    found, less = martlet.predict(run.folder, sources, output=tmp_path / "out", quiet=False)
    assert [one.label for one in found.segments] == ["walk"]
    said = capsys.readouterr().err
    assert "meant, 'label', 'activity'; none is used as labels." in said
    assert "label_column" not in said
    assert less.error == (
        "'less.csv' lacks the channels 'acc_y', 'acc_z', which the network takes; the file has "
        "'acc_x', 'acc', 'z'."
    )


def test_a_timeline_replaces_an_earlier_one_and_nothing_else(run: Run, tmp_path: Path) -> None:
    values = np.concatenate([motion(name, 150, 99) for name in ("walk", "run")])
    out = tmp_path / "out"
    out.mkdir()

    def error_of(source: Path) -> str | None:
        return martlet.predict(run.folder, source, output=out, quiet=True)[0].error

    write(out / "windows.csv", values)
    before = (out / "windows.csv").read_bytes()
    assert "itself, which a timeline would replace" in str(error_of(out / "windows.csv"))
    (out / "windows.csv").rename(tmp_path / "day.csv")
    (out / "segments.csv").write_text("mine")
    assert "'segments.csv', which is of no timeline" in str(error_of(tmp_path / "day.csv"))
    assert (out / "segments.csv").read_text() == "mine"
    (out / "segments.csv").unlink()
    assert error_of(tmp_path / "day.csv") is None
    (out / "timeline_7.png").write_bytes(b"of an earlier one")
    assert error_of(tmp_path / "day.csv") is None
    assert {path.name for path in out.iterdir()} == {"segments.csv", "windows.csv", "timeline.png"}
    assert (tmp_path / "day.csv").read_bytes() == before


@pytest.mark.slow
def test_exported_networks_say_the_same(run: Run, folder: Path, tmp_path: Path) -> None:
    samples = read(folder)
    network = open_network(run.folder)
    windows = network.preprocess.normalise(np.stack([samples[i] for i in range(20)]))
    expected = network.logits(windows)
    for form, place in (("onnx", tmp_path / "m.onnx"), ("c", tmp_path / "c")):
        martlet.export(run.folder, form, output=place)  # type: ignore[call-overload]
        other = open_network(place)
        assert other.preprocess == network.preprocess
        np.testing.assert_allclose(other.logits(windows), expected, atol=2e-5)
    write(tmp_path / "day.csv", motion("walk", 400, 5))
    answers = [
        martlet.predict(place, tmp_path / "day.csv", output=tmp_path / "out", quiet=True)[
            0
        ].segments
        for place in (run.folder, tmp_path / "m.onnx", tmp_path / "c")
    ]
    assert [[one.label for one in found] for found in answers] == [["walk"]] * 3


@pytest.mark.long
def test_every_subject_is_held_out_once_and_finished_folds_are_kept(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {**GIVEN, "epochs": 1, "cross_validate": "3", "folder": tmp_path, "name": "cv"}
    run = martlet.train(folder, **given)
    held = [name for fold in run.metrics["folds"] for name in fold["held_out"]]
    assert sorted(held) == [f"subject{n}" for n in range(1, 7)]
    confusion = np.array(run.metrics["confusion"])
    assert confusion.sum() == len(read(folder)) == run.metrics["windows"]
    assert run.metrics["top1"] == confusion.trace() / confusion.sum()
    low, high = run.metrics["top1_range"]
    assert low <= run.metrics["top1_mean"] <= high
    for fold in run.metrics["folds"]:
        rows = read_json(run.folder / f"fold-{fold['fold']}" / "split.json")
        assert {row[3] for row in rows["test"]} == set(fold["held_out"])
        assert not {row[3] for row in rows["train"]} & set(fold["held_out"])
    with pytest.raises(MartletError, match="exists already; use --resume"):
        martlet.train(folder, **given)
    for changed in ({"window": "0.64s"}, {"rate": 25.0}, {"channels": "acc_x"}):
        with pytest.raises(
            MartletError, match=r"or how they are split, are not those that .*fold-"
        ):
            martlet.train(folder, **{**given, **changed}, resume=True)
    before = (run.folder / "fold-1" / "model.safetensors").read_bytes()
    shutil.rmtree(run.folder / "fold-2")
    again = martlet.train(folder, **given, resume=True)
    assert (run.folder / "fold-1" / "model.safetensors").read_bytes() == before
    assert again.metrics == run.metrics
    (run.folder / "fold-3" / "model.safetensors").unlink()
    capsys.readouterr()
    again = martlet.train(folder, **{**given, "quiet": False}, resume=True)
    assert "fold 3 has lost its model.safetensors: it is trained again." in capsys.readouterr().err
    assert again.metrics == run.metrics


def test_a_fold_alone_needs_its_folds(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MartletError, match="fold=1 is one of cross_validate; give both"):
        martlet.train(folder, **GIVEN, fold=1, folder=tmp_path)
    with pytest.raises(MartletError, match=r"fold=9 is not there; there are 2 folds"):
        martlet.train(folder, **GIVEN, cross_validate="2", fold=9, folder=tmp_path)


def test_channels_are_chosen_by_names_and_patterns(folder: Path) -> None:
    assert read(folder, channels="acc_z, acc_x").preprocess.channels == ("acc_z", "acc_x")
    assert read(folder, channels=["acc_*"]).preprocess.in_chans == 3


def test_recordings_of_one_length_are_windows_themselves(folder: Path) -> None:
    assert read(folder, window=None).preprocess.window == 320


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"window": "10s"}, r"no recording is as long as a window of 500 samples"),
        ({"window": "long"}, r"window='long' is not accepted; give a time such as '2\.56s'"),
        ({"channels": "gyr_*"}, r"channel 'gyr_\*' is not known"),
        ({"channels": " , "}, r"names none; give names or patterns"),
        ({"model": "shufflenet_v2_x0_5"}, r"window='1\.28s' is for scenes and recordings, and"),
    ],
)
def test_mistakes_are_one_sentence(
    folder: Path, tmp_path: Path, changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        martlet.train(folder, **{**GIVEN, **changed}, folder=tmp_path, name="run")
    assert not (tmp_path / "run").exists()


def test_a_missing_channel_names_its_file(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "r" / "walk" / "subject1.csv", motion("walk", 200, 0))
    write(tmp_path / "r" / "run" / "subject1.csv", motion("run", 200, 0)[:, :2], "acc_x,acc_y")
    with pytest.raises(MartletError, match=r"run/subject1\.csv': channel 'acc_z' is missing"):
        read(tmp_path / "r")


def test_other_lengths_need_a_window(tmp_path: Path) -> None:
    for number, name in enumerate(SPEED):
        write(tmp_path / name / "subject1.csv", motion(name, 200 + number, 0))
    with pytest.raises(MartletError, match=r"recordings of 200 to 202 samples are cut"):
        read(tmp_path, window=None)


def test_the_command_names_channels_once(folder: Path) -> None:
    options = TrainOptions(channels=["a", "b"], window="2s")
    assert options.command(Path("r")) == "martlet train r --channels a,b --window 2s"


def test_what_weights_know_is_kept(run: Run, folder: Path) -> None:
    _, header = checkpoint.load(run.checkpoint)
    kept = module.prepare(TrainOptions(**{**GIVEN, "window": None}), header.preprocess, {})
    samples = module.read(folder, kept, options=None, max_bad=0, min_classes=2, progress=None)
    made, _ = module.fit(kept, samples, range(3))
    assert made == header.preprocess
    assert json.dumps(made.to_dict())
    given = TrainOptions(**GIVEN, channels="acc_x")
    with pytest.raises(MartletError, match="takes the channels acc_x, acc_y, acc_z, in this"):
        module.read(folder, kept, options=given, max_bad=0, min_classes=2, progress=None)


def test_given_parts_are_not_cross_validated(tmp_path: Path) -> None:
    for part, who in (("train", "s1"), ("train", "s2"), ("test", "s3")):
        for name in ("walk", "run"):
            path = tmp_path / "parts" / part / name / f"sub_{who[1:]}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, motion(name, 200, int(who[1:])))
    with pytest.raises(MartletError, match="parts' itself, and it is given in parts"):
        martlet.train(
            tmp_path / "parts",
            model="shufflenet_series_mixed",
            window=50,
            cross_validate="subject",
            folder=tmp_path / "runs",
            quiet=True,
        )
    assert not (tmp_path / "runs").exists()


def test_a_link_to_itself_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(MartletError, match="does not exist"):
        martlet.train(tmp_path / "loop", model="shufflenet_series_mixed", folder=tmp_path)
